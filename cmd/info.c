/* SPDX-License-Identifier: Apache-2.0 */
/* info.c - postern info: what a service says about itself */
#include "ask.h"

struct info_values {
	struct ask_values ask;
	bool json;
};

static const struct option info_options[] = {
	{ .name = "json",
	  .help = "print the answer of org.varlink.service.GetInfo",
	  .offset = offsetof(struct info_values, json) },
	ASK_OPTION_DEADLINE("time for the answer"),
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

static void info_print_interfaces(struct postern_json interfaces)
{
	struct postern_json_walk walk;
	struct postern_json name;
	const char *label = "Interfaces:";

	if (postern_json_enter(&walk, interfaces) < 0)
		return;
	while (postern_json_next(&walk, NULL, &name) > 0) {
		printf("%-12s", label);
		json_print_text(stdout, name);
		putchar('\n');
		label = "";
	}
}

static void info_print(struct postern_json info)
{
	static const char *const rows[][2] = {
		{ "vendor", "Vendor:" },
		{ "product", "Product:" },
		{ "version", "Version:" },
		{ "url", "URL:" },
	};
	struct postern_json value;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		/* What it does not say needs no line. */
		if (postern_json_find(info, rows[i][0], &value) <= 0 ||
		    postern_json_kind(value) != POSTERN_JSON_STRING || value.n == 2)
			continue;
		printf("%-12s", rows[i][1]);
		json_print_text(stdout, value);
		putchar('\n');
	}
	if (postern_json_find(info, "interfaces", &value) > 0)
		info_print_interfaces(value);
}

static int info_run(void *data)
{
	const struct info_values *v = data;
	struct postern_json info = { "{}", 2 };
	struct ask a;
	int status = ask_open(&a, "info", &v->ask);

	if (!status && v->ask.common.n_files > 1) {
		output_error("info", a.address, "unexpected argument '%s'; a name is one word",
			     v->ask.common.files[1]);
		status = EXIT_USAGE;
	}
	if (!status)
		status = ask_itself(&a, "org.varlink.service.GetInfo",
				    (struct postern_json){ "{}", 2 }, &info);
	if (!status && v->json)
		json_print_answer(info);
	else if (!status)
		info_print(info);
	ask_close(&a);
	return status;
}

const struct verb verb_info = {
	.name = "info",
	.operands = "NAME",
	.about = "Shows what a service says about itself.",
	.notes = "TIME: 500ms, 5s, 2m, forever. Ends with 1 if the service does not say anything.",
	.takes_files = true,
	.options = info_options,
	.size = sizeof(struct info_values),
	.run = info_run,
};
