/*
 * words.c - the names of capabilities, severities and endings, and how risky a
 * capability is. What else they mean is decided elsewhere. Runs in every process.
 */
#include "oxg.h"

const char *capability_name(enum capability c)
{
	static const char *const names[] = {
#define X(name, risk) "CAP_" #name,
		CAPABILITIES(X)
#undef X
	};

	return (unsigned)c < COUNT(names) ? names[c] : "";
}

int capability_find(struct bytes name)
{
	for (int c = 0; c < CAPABILITY_COUNT; c++)
		if (bytes_are(name, capability_name((enum capability)c)))
			return c;
	return -1;
}

enum risk capability_risk(enum capability c)
{
	static const unsigned char risks[] = {
#define X(name, risk) RISK_##risk,
		CAPABILITIES(X)
#undef X
	};

	return (unsigned)c < COUNT(risks) ? (enum risk)risks[c] : RISK_HIGH;
}

const char *risk_word(enum risk r)
{
	static const char *const words[] = { "low", "medium", "high" };

	return words[r];
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = { "info", "low", "med", "high", "crit" };

	return (unsigned)s < COUNT(names) ? names[s] : "";
}

static bool same_word(struct bytes given, const char *word)
{
	struct bytes w = bytes_of(word);

	if (given.n != w.n)
		return false;
	for (size_t i = 0; i < w.n; i++) {
		unsigned char c = given.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != w.p[i])
			return false;
	}
	return true;
}

/* Scanners differ in case and in these words; no other guess is made. */
int severity_find(struct bytes name)
{
	static const struct {
		const char *word;
		enum severity is;
	} words[] = {
		{ "info", SEV_INFO }, { "informational", SEV_INFO },
		{ "information", SEV_INFO }, { "low", SEV_LOW },
		{ "med", SEV_MED }, { "medium", SEV_MED }, { "moderate", SEV_MED },
		{ "high", SEV_HIGH }, { "crit", SEV_CRIT }, { "critical", SEV_CRIT },
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (same_word(name, words[i].word))
			return (int)words[i].is;
	return -1;
}

const char *ending_word(enum ending_reason r)
{
	switch (r) {
#define X(name, word, status) case ENDING_##name: return word;
	ENDINGS(X)
#undef X
	case ENDING_NONE:
		break;
	}
	return "";
}
