// mutate.js SCHEMAS FOLDER... >CASES: documents of run folders, mutated, each with the
// name of its schema and what ajv says of it: "yes|no TAB SCHEMA TAB DOCUMENT".
// The same cases on each run: the numbers are not random.
'use strict';
const fs = require('fs'), path = require('path');
const Ajv = require('ajv');
const addFormats = require('ajv-formats');

const schemas = {}, validators = {}, seeds = {};
const [dir, ...folders] = process.argv.slice(2);
const PER_SCHEMA = 400;

let state = 20261125;
function below(n) { // xorshift32
	state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
	return (state >>> 0) % n;
}
const any = list => list[below(list.length)];

function validator(schema) {
	const ajv = new Ajv({ strict: false, strictNumbers: true, logger: false });
	addFormats(ajv);
	return ajv.compile(schema);
}

for (const file of fs.readdirSync(dir)) {
	const name = file.replace('.schema.json', '');
	schemas[name] = JSON.parse(fs.readFileSync(path.join(dir, file)));
	validators[name] = validator(schemas[name]);
	seeds[name] = [];
}
for (const folder of folders) {
	const run = JSON.parse(fs.readFileSync(path.join(folder, 'run.json')));
	const of = {
		'run.json': 'run', 'usage.json': 'usage', 'verifier_report.json': 'verifier_report',
		'gate_report.json': 'gate_report', 'security_audit.json': 'security_audit',
		'inputs/policy.json': 'policy', 'findings.jsonl': 'finding', 'ledger.jsonl': 'denial',
		'audit.jsonl': 'allowed', 'journal/events.jsonl': 'event',
		'inputs/manifest.json': run.plugin && 'manifest.' + run.plugin.form,
	};
	for (const [file, schema] of Object.entries(of)) {
		if (!fs.existsSync(path.join(folder, file)))
			continue;
		const text = fs.readFileSync(path.join(folder, file), 'utf8');
		for (const one of file.endsWith('l') ? text.split('\n').slice(0, -1).slice(0, 10) : [text])
			seeds[schema].push(JSON.parse(one));
	}
}
// Members that the plugins above do not have.
const both = {
	$schema: '../x.json', name: 'a-b.c', version: '1.2.3+x~y', description: 'Écoute, 世界', entry: './bin/x',
	files: { 'a/b.txt': 'aB'.repeat(32), '..x/..y': '0'.repeat(64) }, runtime: 'system',
	resources: { cpu: '10s', memory: '64M', timeout: '200ms', pids: 3 }, findings: 'sarif:./a/b',
	args: ['', 'a\tb'], egress: { hosts: ['a.b-c.example:65535', '[::1]:80', 'x'] },
};
const path_of = Array(12).fill('0123456789').join('/');
seeds['manifest.array'].push({ ...both, artifact: 'bin/x', trusted: true, config: { a: [1] },
	capabilities: ['CAP_FLOW_INSPECT', 'CAP_FLOW_INSPECT_RAW', 'CAP_WS'],
	signature: { signature: path_of, publicKey: 'keys/a b' } });
seeds['manifest.object'].push({ ...both, findings: 'json:out.json', resources: { cpu: 5 },
	capabilities: { http: { outbound: ['broker'] }, ws: { outbound: ['broker'] }, storage: { workspace: true },
		secrets: { broker: false } }, sandbox: { user: 'oxg', mounts: ['workspace'], network: 'none' } });
seeds.policy.push({ schema_version: 1, profile: 'strict', verify: { allowlist: 'required' },
	isolation: { min_tier: 'namespaces' }, grant: ['CAP_WS'], secrets: ['a'], commands: ['/bin/true'],
	proxy: { enable: true, rules_path: 'r', history_path: 'h', allow: ['a.b:1', '[fe80::1]:99'], requests: 1, timeout: '1h' },
	runtimes: ['system', '/opt/x y'], paths: { protected: ['.git', 'a/b'] }, gate: { require_signature: true } });

// Every string and number that any schema names: what is likeliest to matter elsewhere.
const words = new Set(), numbers = new Set();
(function collect(s) {
	for (const v of Object.values(s)) {
		if (typeof v === 'string' && v.length < 40) words.add(v);
		if (typeof v === 'number') numbers.add(v).add(v + 1).add(v - 1);
		if (v && typeof v === 'object') collect(v);
	}
})(schemas);
const word = [...words], number = [...numbers];
// Spellings that JSON.stringify has not; they stand in quotes until the end.
const spelt = ['1.0', '-0', '1e2', '25.5e1', '0.5', '-1', '1e400', '-1e400', '123456789012345678901234567890',
	'9007199254740993', '1E+2', '-0.0', '1.5e-3', '4294967296', '0e9'].map(s => '\u0001' + s + '\u0001');
const strings = ['', 'a', '/', './', '..', '../a', 'a/../b', 'a//b', 'a/', '.hidden', '...', 'a/..b', 'x\n', 'é', '😀',
	'\u0000', '\u007f', '\u0080', '\u2028', 'a b', '0', '00', '1s', '0s', '1µs', '1.5s', '1h2m3s', '.5s', '5', '5K', '05M', '5k',
	'2026-11-25T00:00:00Z', '2026-1-25T00:00:00Z', '2026-11-25T00:00:00z', '0'.repeat(64), 'G'.repeat(64), 'f'.repeat(63),
	'01M89BKJ6JWNQA3QPK9HXA1KRN', '81M89BKJ6JWNQA3QPK9HXA1KRN', '01M89BKJ6JWNQA3QPK9HXA1KRU', 'a:1', 'a:0', 'a:65536',
	'a:65535', 'a..b:1', '-a:1', '[::]:1', '[1.2.3.4]:1', 'a'.repeat(253) + ':1', 'a'.repeat(254) + ':1', 'é'.repeat(255),
	'é'.repeat(256), 'a'.repeat(1025), 'sarif:a', 'sarif:../a', 'json:a/b', 'json:'];

function value() {
	return any([() => null, () => true, () => false, () => [], () => ({}), () => [1, 'a'], () => ({ a: 1 }),
		() => any(strings), () => any(strings), () => any(word), () => any(word), () => any(number), () => any(spelt)])();
}
function text(s) {
	const at = below(s.length + 1), c = any(['a', '0', 'Z', '/', '.', ':', '-', '\n', '\u0000', 'é', '😀', ' ']);
	return any([() => s + c, () => s.slice(0, at) + s.slice(at + 1), () => s.slice(0, at) + c + s.slice(at + 1),
		() => c + s, () => s + s, () => s.slice(0, at), () => s.toUpperCase()])();
}
// Somewhere in the document, one thing is done.
function mutate(v) {
	if (Array.isArray(v)) {
		const at = below(v.length + 1);
		if (at < v.length && below(3))
			return v.map((x, i) => i === at ? mutate(x) : x);
		return any([() => [...v, value()], () => [...v, ...v.slice(0, 1)], () => v.slice(1), () => [...v].reverse(), value])();
	}
	if (v && typeof v === 'object') {
		const keys = Object.keys(v), key = keys.length ? any(keys) : 'a';
		if (keys.length && below(4))
			return { ...v, [key]: mutate(v[key]) };
		return any([
			() => { const w = { ...v }; delete w[key]; return w; },
			() => { const w = { ...v }; delete w[key]; return w; },
			() => ({ ...v, [any([...word, ...strings].filter(s => s !== '__proto__'))]: value() }),
			() => ({ ...v, [key]: value() }), value])();
	}
	if (typeof v === 'string' && v[0] !== '\u0001' && below(3))
		return text(v);
	if (typeof v === 'number' && below(2))
		return any([v + 1, v - 1, -v, v * 1000, v + 0.5, v * 1e30]);
	return value();
}

let out = [];
function hold(name, validate, document) {
	const raw = JSON.stringify(document).replace(/"\\u0001([-+.eE0-9]+)\\u0001"/g, '$1');
	out.push((validate(JSON.parse(raw)) ? 'yes' : 'no') + '\t' + name + '\t' + raw);
}
for (const name of Object.keys(schemas)) {
	if (seeds[name].length === 0)
		continue;
	for (const seed of seeds[name])
		hold(name, validators[name], seed);
	for (let i = 0; i < PER_SCHEMA; i++) {
		let document = mutate(any(seeds[name]));
		if (below(4) === 0)
			document = mutate(document);
		hold(name, validators[name], document);
	}
}
// Keywords and patterns by themselves, each with every value of the lists.
const patterns = new Set(['^[a-c]{2,}$', '^(a|bc|)d?$', '^.$', '^.*é$', '^a{0}b', '^(?:x|y)+$', '^(?!a)(?=[^b])', '^\\.\\/\\[\\]\\{\\}$',
	'^[\\]\\-a]*$', '^[-a]+$', '^[a-]+$', '^(a(b(c)?)*){1,3}$', '^$', '^', '^[^a]', '^[]', '^[^]', '^((a?){3}){2}$',
	'^\\u0061\\n', '^(|a)$', '^[0-9]{4}-[0-9]{2}', '^(?=(a|b)c)[a-c]+$', '^(?!(?!a))a']);
(function collect(s) {
	for (const [k, v] of Object.entries(s))
		if (k === 'pattern') patterns.add(v); else if (v && typeof v === 'object') collect(v);
})(schemas);
const more = ['b', 'c', 'd', 'ab', 'abc', 'bcd', 'ad', 'cc', 'abab', 'xyx', 'bé', './[]{}', '-]', 'aaaaaa', 'aaaaaaa', 'a\n', 'aabcb', '2026-11'];
for (const pattern of patterns) {
	const validate = validator({ pattern });
	for (const s of [...strings, ...more])
		hold(JSON.stringify({ pattern }), validate, s);
}
for (const schema of [{ type: 'integer' }, { type: 'number' }, { type: ['string', 'null'] }, { minimum: 2 }, { maximum: 255 },
	{ minItems: 1 }, { maxItems: 1 }, { uniqueItems: true }, { minLength: 1 }, { maxLength: 2 }, { const: 1 }, { const: null },
	{ const: 'a' }, { enum: [0, 100, 'a', true] }, { required: ['a'] }, { not: { required: ['a'] } }, { contains: { const: 1 } },
	{ propertyNames: { maxLength: 0 } }, { additionalProperties: false }, { additionalProperties: { type: 'string' } },
	{ properties: { a: false } }, { anyOf: [{ type: 'null' }, { const: 1 }] }, { allOf: [{ type: 'integer' }, { minimum: 3 }] },
	{ if: { type: 'string' }, then: { maxLength: 1 }, else: { type: 'number' } }, { if: { type: 'string' }, then: false }, { then: false },
	{ minProperties: 1 }, { maxProperties: 0 }, { items: { type: 'integer' } }, { items: false }]) {
	const validate = validator(schema);
	// Beyond every double ajv takes a number for none that has bounds; we refuse it.
	for (const v of [null, true, [], {}, [1, 'a'], [1, 1], ['a', 'a'], { a: 1 }, { b: 'x' }, ...strings, ...number, ...spelt])
		if (!(('minimum' in schema || 'maximum' in schema) && /e400/.test(v)))
			hold(JSON.stringify(schema), validate, v);
}
process.stdout.write(out.join('\n') + '\n');
