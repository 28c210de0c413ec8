// export.js FILE SCHEMA: ajv's word on a document. SCHEMA is a file, or the JSON itself,
// of draft-07 or 2020-12. Status 0: valid.
const fs = require('fs');

const [file, word] = process.argv.slice(2);
const schema = JSON.parse(word.startsWith('{') ? word : fs.readFileSync(word, 'utf8'));
const draft = /2020-12/.test(schema.$schema) ? 'ajv/dist/2020' : 'ajv';
const ajv = new (require(draft).default)({ strict: false, allErrors: true });
require('ajv-formats')(ajv);
const valid = ajv.compile(schema);
if (!valid(JSON.parse(fs.readFileSync(file, 'utf8')))) {
	for (const e of valid.errors.slice(0, 10))
		console.log(e.instancePath, e.message, JSON.stringify(e.params));
	process.exit(1);
}
