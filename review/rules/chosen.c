/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules a list names, and the severities that a project gives them. */

#include "rules/rules.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

static bool chosen_matches(const struct rule *rule, const char *word, size_t n)
{
	const char *s = rule->cwe;

	if (strlen(rule->id) == n && !strncasecmp(rule->id, word, n))
		return true;
	if (n > 4 && !strncasecmp(word, "CWE-", 4)) {
		word += 4;
		n -= 4;
	}
	if ((size_t)(rule->pillar > 99 ? 3 : 2) == n && atoi(word) == rule->pillar)
		return true;
	for (; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ','))
		if (strcspn(s, ",") == n && !strncmp(s, word, n))
			return true;
	return false;
}

const char *rules_named(const char *list, bool named[], size_t *n)
{
	for (; *list; list += *n + (list[*n] == ',')) {
		bool known;

		*n = strcspn(list, ",");
		known = *n == 0;
		for (size_t i = 0; *n && i < rules_count; i++)
			if (chosen_matches(rules_all[i], list, *n))
				known = named[i] = true;
		if (!known)
			return list;
	}
	return NULL;
}

static struct {
	bool set;
	enum severity severity;
} chosen_severities[RULES_MAX];

void rule_set_severity(const struct rule *rule, enum severity severity)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i] == rule) {
			chosen_severities[i].set = true;
			chosen_severities[i].severity = severity;
		}
}

void findings_set_severities(void)
{
	for (size_t i = 0; i < n_findings; i++) {
		struct finding *finding = findings[i];
		size_t rule = 0;
		bool own = finding->severity == finding->rule->severity && !finding->source->aside;

		while (rules_all[rule] != finding->rule)
			rule++;
		if (chosen_severities[rule].set &&
		    (own || finding->severity > chosen_severities[rule].severity))
			finding->severity = chosen_severities[rule].severity;
	}
}
