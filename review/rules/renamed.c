/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E5: connect(socket, SIGNAL(error(QAbstractSocket::SocketError)), …). Qt 5.15 has named the signal
 * errorOccurred, and Qt 6 has taken the old name away. A signal that is named by its text is looked up
 * when the program runs: connect() then fails with a message on the console, and no failure of the
 * socket is ever handled. That the project knows Qt 6 shows in a comparison of its version somewhere.
 */

#include "rules/renamed.h"
#include "read/source.h"
#include "rules/rules.h"

#include <string.h>

extern const struct rule rule_E5;

enum { RENAMED_DEPTH = 32 };

static bool renamed_knows_qt6(const struct source *source)
{
	const char *at = source->text, *end = source->text + source->size;

	while ((at = memmem(at, (size_t)(end - at), "QT_VERSION_CHECK", 16))) {
		at += 16;
		while (at < end && (*at == ' ' || *at == '('))
			at++;
		if (at < end && *at == '6')
			return true;
	}
	return false;
}

/* Some file compares the version with one of Qt 6. */
static bool renamed_is_built_with_qt6(void)
{
	for (size_t i = 0; i < program.n_sources; i++)
		if (renamed_knows_qt6(program.sources[i]))
			return true;
	return false;
}

/* An #if around the row asks for the version: it may be there for the old one alone. */
static bool renamed_is_for_a_version(const struct source *source, uint32_t row)
{
	bool version[RENAMED_DEPTH] = { false };
	int depth = 0;

	for (uint32_t i = 0; i < row; i++) {
		size_t n;
		const char *line = source_line(source, i, &n), *end = line + n;

		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		if (line == end || *line++ != '#')
			continue;
		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		if (end - line >= 5 && !memcmp(line, "endif", 5))
			depth -= depth > 0;
		else if (end - line >= 2 && !memcmp(line, "if", 2) && depth < RENAMED_DEPTH)
			version[depth++] = memmem(line, (size_t)(end - line), "QT", 2) != NULL;
	}
	while (depth > 0)
		if (version[--depth])
			return true;
	return false;
}

/* The class of the error in the text of the signal, or NULL. */
static const char *renamed_error(const struct function *fn, const struct item *item)
{
	if (!item_mentions(fn, item, "SIGNAL") ||
	    !(item_mentions(fn, item, "(error(") || item_mentions(fn, item, "( error(")))
		return NULL;
	if (item_mentions(fn, item, "QAbstractSocket::SocketError"))
		return "QAbstractSocket";
	return item_mentions(fn, item, "QLocalSocket::LocalSocketError") ? "QLocalSocket" : NULL;
}

void renamed_signal(struct function *fn, const struct item *item)
{
	const char *type;
	struct finding *finding;

	if (!api_is(item->call->api, ROLE(HANDLER)) || strcmp(item->call->name, "connect") != 0)
		return;
	type = renamed_error(fn, item);
	if (!type || renamed_is_for_a_version(fn->source, item->at.row) ||
	    !renamed_is_built_with_qt6())
		return;
	finding = finding_add(
		&rule_E5, fn, item->at,
		"Qt 6 has no signal `error(…)` of a socket: connect() fails there when the program runs, and no failure of the connection is handled.");
	finding_fix(
		finding,
		"In %s(), connect `&%s::errorOccurred` (since Qt 5.15), and keep the old name behind `#if QT_VERSION < QT_VERSION_CHECK(5, 15, 0)` if older ones are still built.",
		fn->label, type);
}
