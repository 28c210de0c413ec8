// t/page.js DIR: what a browser says of the pages in DIR, by puppeteer-core and one
// Chromium. For t/page.t, which makes them. A line for each check: what, a tab, "ok" or
// what is wrong.
//
//   one.html harmless.html evil.html runs.html many.html; recipes/ is written
'use strict';
const fs = require('fs');
const os = require('os');
const puppeteer = require('puppeteer-core');

const dir = process.argv[2];
const say = (what, wrong) => console.log(what + '\t' + (wrong.length ? [].concat(wrong).slice(0, 4).join('; ').replace(/\s+/g, ' ').slice(0, 600) : 'ok'));

// ---- in the page -----------------------------------------------------------------------

function structure() {
	const wrong = [], all = s => [...document.querySelectorAll(s)];
	let level = 0;
	for (const h of all('h1,h2,h3,h4,h5,h6')) {
		const l = +h.tagName[1];
		if (l > level + 1) wrong.push(h.tagName + ' after h' + level + ': ' + h.textContent);
		if (!h.textContent.trim()) wrong.push('an empty ' + h.tagName);
		level = l;
	}
	for (const s of ['h1', 'main', 'body>header', 'head>title'])
		if (all(s).length !== 1) wrong.push(all(s).length + ' ' + s);
	for (const t of all('table'))
		if (!t.querySelector('th') || [...t.querySelectorAll('th')].some(h => !/^(row|col)$/.test(h.scope)))
			wrong.push('a table with a th without scope, or none');
	for (const s of all('section'))
		if (!document.getElementById(s.getAttribute('aria-labelledby'))) wrong.push('a section without a name');
	for (const g of all('svg'))
		if (g.getAttribute('aria-hidden') !== 'true' &&
		    !(g.getAttribute('role') === 'img' && g.querySelector('title')?.textContent)) wrong.push('an svg without a name');
	for (const a of all('a'))
		if (!/^#/.test(a.getAttribute('href')) || !document.getElementById(a.getAttribute('href').slice(1)))
			wrong.push('a link to ' + a.getAttribute('href'));
	if (document.documentElement.lang !== 'en' || document.characterSet !== 'UTF-8') wrong.push('no language');
	if (all('script,iframe,object,embed,link,img,base,form,input,[style],[srcset],[src]').length) wrong.push('what no page has');
	for (const e of all('*'))
		for (const a of e.attributes)
			if (/^on/i.test(a.name) || /^\s*javascript:/i.test(a.value)) wrong.push(a.name + '=' + a.value);
	return wrong;
}

// Against what is behind it; 4.5 : 1, of WCAG 2.1, 1.4.3.
function contrast() {
	const wrong = new Set(), seen = new Set();
	const parse = c => {
		const v = c.match(/[\d.]+/g).map(Number);
		return { rgb: v.slice(0, 3), a: v.length > 3 ? v[3] : 1 };
	};
	const light = rgb => {
		const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.a === 1) return c.rgb;
			if (c.a !== 0) wrong.add('a background that shines through');
		}
		return [255, 255, 255];
	};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || e.closest('svg') || !e.checkVisibility()) continue;
		const text = parse(getComputedStyle(e).color).rgb, back = behind(e), key = text + '/' + back;
		if (seen.has(key)) continue;
		seen.add(key);
		const [a, b] = [light(text), light(back)].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5)
			wrong.add(((a + 0.05) / (b + 0.05)).toFixed(2) + ' of ' + key + ' in ' + e.className + ' "' + walk.currentNode.data.slice(0, 20) + '"');
	}
	if (seen.size < 5) wrong.add('only ' + seen.size + ' colours were seen');
	return [...wrong];
}

// The elements alone, but for the marks on what is hidden, clipped or a digest.
function skeleton() {
	const walk = e => {
		if (e.matches('.u,code') || (e.matches('.note') && /^\[\d+ more bytes\]$/.test(e.textContent))) return '';
		const attributes = [...e.attributes].filter(a => e.tagName !== 'META' && a.name !== 'points').map(a => ' ' + a.name + '=' + a.value).join('');
		return '<' + e.tagName + attributes + '>' + [...e.children].map(walk).join('') + '</>';
	};
	return walk(document.documentElement);
}

const fits = () => document.documentElement.scrollWidth > innerWidth ?
	['it is ' + document.documentElement.scrollWidth + ' wide, on ' + innerWidth] : [];

// ---- from outside ------------------------------------------------------------------------

async function main() {
	const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])] });
	const page = await browser.newPage(), cdp = await page.createCDPSession();
	const heard = [];
	let url = '';

	page.on('console', m => heard.push('console: ' + m.text()));
	page.on('pageerror', e => heard.push('error: ' + e.message));
	page.on('dialog', d => { heard.push('dialog: ' + d.message()); d.dismiss(); });
	page.on('request', r => r.url() === url || heard.push('request: ' + r.url().slice(0, 100)));
	page.on('framenavigated', f => f.url() === url || heard.push('went to ' + f.url().slice(0, 100)));
	browser.on('targetcreated', t => heard.push('a target: ' + t.url()));
	cdp.on('Log.entryAdded', e => heard.push('log: ' + e.entry.text));
	cdp.on('Audits.issueAdded', e => /Security|Mixed/.test(e.issue.code) && heard.push('issue: ' + e.issue.code));
	await cdp.send('Log.enable');
	await cdp.send('Audits.enable');
	const media = (scheme, type) => cdp.send('Emulation.setEmulatedMedia',
		{ media: type || 'screen', features: [{ name: 'prefers-color-scheme', value: scheme }] });
	const open = async name => {
		url = 'file://' + dir + '/' + name + '.html';
		await page.goto(url, { waitUntil: 'load', timeout: 60000 });
	};
	const unfold = () => page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true; }));

	for (const name of ['one', 'evil', 'runs']) {
		await page.setViewport({ width: 1280, height: 900 });
		await media('light');
		await open(name);
		say(`F153: ${name}: headings, landmarks, tables and drawings are named`, await page.evaluate(structure));
		await unfold();
		say(`F153: ${name}: it fits 1280`, await page.evaluate(fits));
		say(`F153: ${name}: light: every text can be read`, await page.evaluate(contrast));
		const shots = [await page.screenshot()];
		await media('dark');
		say(`F153: ${name}: dark: every text can be read`, await page.evaluate(contrast));
		shots.push(await page.screenshot());
		say(`F153: ${name}: light and dark are pictures, and two`,
			shots[0].length > 8000 && shots[1].length > 8000 && Buffer.compare(...shots) ? [] : shots.map(s => s.length + ' bytes'));
		await page.setViewport({ width: 360, height: 740 });
		say(`F153: ${name}: all unfolded it fits 360`, await page.evaluate(fits));
		await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = false; }));
		await media('dark', 'print');
		say(`F153: ${name}: on paper: dark on white`, await page.evaluate(() =>
			getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)' ? [] : ['not white']));
		say(`F153: ${name}: on paper: every text can be read`, await page.evaluate(contrast));
		say(`F153: ${name}: on paper: what is folded is there`, await page.evaluate(() => {
			const all = [...document.querySelectorAll('details dd')].filter(d => d.textContent);
			return all.length && all.every(d => d.getBoundingClientRect().height > 0) ? [] : [all.length + ' of them'];
		}));
	}
	await page.setViewport({ width: 1280, height: 900 });
	await media('light');

	const bones = [];
	for (const name of ['harmless', 'evil']) {
		await open(name);
		bones.push(await page.evaluate(skeleton));
	}
	let at = 0;
	while (at < bones[0].length && bones[0][at] === bones[1][at]) at++;
	say('F153: hostile text in every field changes no element', bones[0] === bones[1] ? [] :
		[`at ${at} of ${bones[0].length}: ${bones[0].slice(Math.max(0, at - 60), at + 60)} | ${bones[1].slice(at, at + 60)}`]);
	say('F153: and there is enough to change', bones[0].length > 5000 ? [] : [bones[0].length + ' bytes']);

	await open('one');
	const recipes = await page.evaluate(() => [...document.querySelectorAll('#verify~pre')].map(p => p.textContent));
	fs.mkdirSync(dir + '/recipes');
	recipes.forEach((r, i) => fs.writeFileSync(`${dir}/recipes/${i}`, r + '\n'));

	// CPU time of the thread that shows the page: others may have the processors.
	await page.goto('about:blank').catch(() => {});
	heard.splice(0, heard.length, ...heard.filter(h => !/about:blank/.test(h)));
	await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
	const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value;
	const from = Date.now();
	await open('many');
	const shown = await page.evaluate(() => new Promise(done => requestAnimationFrame(() =>
		done(document.querySelectorAll('.list>li').length * (document.body.offsetHeight > 100000)))));
	const wall = (Date.now() - from) / 1000, cpu = await busy();
	const load = os.loadavg()[0] / os.cpus().length;
	console.log(`# 10000 findings: ${wall.toFixed(2)} s, of them ${cpu.toFixed(2)} s of work; load ${load.toFixed(1)} a processor`);
	say('F199: 10000 findings are all there', shown === 10000 ? [] : [shown + ' are']);
	// An idle machine has a load of less than one; on a busy one work takes longer too.
	const room = 2 * Math.max(1, load);
	say('F199: and are there in two seconds, more where others work', Math.min(wall, cpu) <= room ? [] : [`${wall} s, ${cpu} s of work, not ${room}`]);
	say('F153: no message, no request, nothing that the policy forbids', heard);
	await browser.close();
}

main().catch(e => {
	say('F153: the browser', [e.stack]);
	process.exit(1);
});
