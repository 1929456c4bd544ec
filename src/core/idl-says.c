/* SPDX-License-Identifier: Apache-2.0 */
/* idl-says.c - what comments document, and what they say that the grammar cannot */
#include "core/idl.h"

#include <postern/interface.h>
#include <string.h>

const struct idl_comment *idl_documentation(const struct idl_comment *comments)
{
	const struct idl_comment *first = NULL;

	for (; comments; comments = comments->next) {
		if (!comments->own_line)
			first = NULL;
		else if (!first)
			first = comments;
		if (comments->gap)
			first = NULL;
	}
	return first;
}

static int idl_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct idl_slice idl_line(const struct idl_comment *comment)
{
	struct idl_slice line = comment->text;

	if (line.n > 0 && line.text[0] == ' ') {
		line.text++;
		line.n--;
	}
	while (line.n > 0 && idl_is_blank(line.text[line.n - 1]))
		line.n--;
	return line;
}

int idl_says(const struct idl_comment *comments, const char *mark)
{
	size_t n = strlen(mark);

	for (const struct idl_comment *c = idl_documentation(comments); c; c = c->next)
		for (size_t i = 0; i + n <= c->text.n; i++)
			if (memcmp(c->text.text + i, mark, n) == 0)
				return 1;
	return 0;
}

uint32_t idl_method_flags(const struct idl_member *method)
{
	static const struct {
		const char *mark;
		uint32_t flag;
	} marks[] = {
		{ "[Supports 'more' flag]", POSTERN_METHOD_MORE },
		{ "[Requires 'more' flag]", POSTERN_METHOD_NEEDS_MORE },
		{ "[Requires 'upgrade' flag]", POSTERN_METHOD_UPGRADE },
		{ "[Supports 'upgrade' flag]", POSTERN_METHOD_MAY_UPGRADE },
		{ "[Takes file descriptors]", POSTERN_METHOD_TAKES_FDS },
		{ "[Returns file descriptors]", POSTERN_METHOD_RETURNS_FDS },
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (idl_says(method->comments, marks[i].mark))
			flags |= marks[i].flag;
	return flags;
}
