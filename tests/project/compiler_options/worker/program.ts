export * from "../entries.ts";
