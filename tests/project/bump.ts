/**
 * Gives the package its next version: in deno.json, in the README, whose imports
 * name it, and in the changelog, where "Unreleased" gets it as its heading.
 *
 *     deno task bump minor
 *
 * @module
 */

const CHANGELOG = ".github/CHANGELOG.md";
const UNRELEASED = "\n## Unreleased\n";

async function versionOf(config: string): Promise<string> {
  const { version } = JSON.parse(await Deno.readTextFile(config));
  return version;
}

const [increment] = Deno.args;
// Without one, Deno makes notes of its own from the messages of the commits.
if (increment === undefined) {
  console.error("Usage: deno task bump major | minor | patch | prerelease");
  Deno.exit(1);
}
const changelog = await Deno.readTextFile(CHANGELOG);
if (!changelog.includes(UNRELEASED)) {
  console.error(`${CHANGELOG} lists no changes under "## Unreleased"`);
  Deno.exit(1);
}
const readme = await Deno.readTextFile("README.md");
const before = await versionOf("deno.json");
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["bump-version", "--config", "deno.json", increment],
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (!success) Deno.exit(1);
const version = await versionOf("deno.json");
await Deno.writeTextFile(
  CHANGELOG,
  changelog.replace(UNRELEASED, `\n## ${version}\n`),
);
await Deno.writeTextFile(
  "README.md",
  readme.replaceAll(`@pystd/socket@^${before}`, `@pystd/socket@^${version}`),
);
