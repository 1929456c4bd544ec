/* SPDX-License-Identifier: Apache-2.0 */
/* The pages that explain rules, built in from explain/. */

#include "report/report.h"
#include "explain-builtin.h"

#include <errno.h>
#include <string.h>

const char *explain_page(const char *id)
{
	for (size_t i = 0; i < explain_builtin_count; i++)
		if (!strcmp(explain_builtin[i].name, id))
			return explain_builtin[i].text;
	return NULL;
}

int explain_rule(FILE *out, const char *id)
{
	const struct rule *rule = rule_by_id(id);
	const char *page = explain_page(id);

	if (!rule || !page)
		return -ENOENT;
	fprintf(out, "%s (%s): %s\nCWE-%s, filed under CWE-%d (%s)\nIf it stays: %s.\n\n%s",
		rule->id, severity_word(rule->severity), rule->title, rule->cwe, rule->pillar,
		pillar_title(rule->pillar), rule->consequence, page);
	return 0;
}

void explain_list(FILE *out)
{
	int pillar = 0;

	for (size_t i = 0; i < rules_count; i++) {
		const struct rule *rule = rules_all[i];

		if (rule->pillar != pillar) {
			pillar = rule->pillar;
			fprintf(out, "CWE-%d (%s)\n", pillar, pillar_title(pillar));
		}
		fprintf(out, "  %-3s %-8s CWE-%-16s %s\n%35s%s\n", rule->id,
			severity_word(rule->severity), rule->cwe, rule->title, "",
			rule->consequence);
	}
}
