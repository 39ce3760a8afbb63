// Writes ../src/data/schema.ts from ../../schema/openapi.json, with a stamp over both: a test
// compares it, so neither can change without the other.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const api = readFileSync(new URL("../../schema/openapi.json", import.meta.url), "utf8");
const types = astToString(await openapiTS(api));
const stamp = createHash("sha256").update(api).update(types).digest("hex");
const note = `// Generated from schema/openapi.json by web/tools: do not edit. ${stamp}\n`;
writeFileSync(new URL("../src/data/schema.ts", import.meta.url), note + types);
