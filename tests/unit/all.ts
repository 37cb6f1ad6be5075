import { freshLoop } from "../support/event_loop.ts";
import { importTests } from "../support/folder.ts";

await importTests(import.meta.url, freshLoop);
