/**
 * Gives the package its next version: in deno.json, and in the README, where
 * what was listed as unreleased gets the version as its heading.
 *
 *     deno task bump minor
 *
 * @module
 */

const UNRELEASED = "\n### Unreleased\n";

async function versionOf(config: string): Promise<string> {
  const { version } = JSON.parse(await Deno.readTextFile(config));
  return version;
}

const [increment] = Deno.args;
const readme = await Deno.readTextFile("README.md");
// Without one, Deno makes notes of its own from the messages of the commits.
if (increment === undefined) {
  console.error("Usage: deno task bump major | minor | patch | prerelease");
  Deno.exit(1);
}
if (!readme.includes(UNRELEASED)) {
  console.error('README.md lists no changes under "### Unreleased"');
  Deno.exit(1);
}
const before = await versionOf("deno.json");
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["bump-version", "--config", "deno.json", increment],
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (!success) Deno.exit(1);
const version = await versionOf("deno.json");
await Deno.writeTextFile(
  "README.md",
  readme
    .replace(UNRELEASED, `\n### ${version}\n`)
    .replaceAll(`@pystd/socket@^${before}`, `@pystd/socket@^${version}`),
);
