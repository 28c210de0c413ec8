// export.js SCHEMA FILE...: ajv's word on documents. SCHEMA is a file, or the JSON itself,
// of draft-07 or 2020-12. Status 0: all are valid.
const fs = require('fs');

const [word, ...files] = process.argv.slice(2);
const schema = JSON.parse(word.startsWith('{') ? word : fs.readFileSync(word, 'utf8'));
const draft = /2020-12/.test(schema.$schema) ? 'ajv/dist/2020' : 'ajv';
const ajv = new (require(draft).default)({ strict: false, allErrors: true });
require('ajv-formats')(ajv);
const valid = ajv.compile(schema);
if (files.length === 0)
	process.exit(2);
for (const file of files) {
	const text = new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file));
	if (valid(JSON.parse(text)))
		continue;
	for (const e of valid.errors.slice(0, 10))
		console.log(file, e.instancePath, e.message, JSON.stringify(e.params));
	process.exitCode = 1;
}
