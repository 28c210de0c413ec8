// export.js SCHEMA FILE... [-- SCHEMA FILE...]...: ajv's word on documents. SCHEMA is a
// file, or the JSON itself, of draft-07 or 2020-12. Status 0: all are valid.
const fs = require('fs');

let valid = null;
let files = 0;

function compile(word) {
	const schema = JSON.parse(word.startsWith('{') ? word : fs.readFileSync(word, 'utf8'));
	const draft = /2020-12/.test(schema.$schema) ? 'ajv/dist/2020' : 'ajv';
	const ajv = new (require(draft).default)({ strict: false, allErrors: true });
	require('ajv-formats')(ajv);
	return ajv.compile(schema);
}

for (const word of process.argv.slice(2)) {
	if (word === '--') {
		valid = null;
	} else if (valid === null) {
		valid = compile(word);
	} else {
		files++;
		const text = new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(word));
		if (valid(JSON.parse(text)))
			continue;
		for (const e of valid.errors.slice(0, 10))
			console.log(word, e.instancePath, e.message, JSON.stringify(e.params));
		process.exitCode = 1;
	}
}
if (files === 0)
	process.exitCode = 2;
