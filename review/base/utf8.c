/* SPDX-License-Identifier: Apache-2.0 */
/* What may be printed of a text that others wrote. */

#include "base/base.h"

#include <stdio.h>
#include <string.h>

size_t utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = *s < 0x80             ? 1
		   : (*s & 0xe0) == 0xc0 ? 2
		   : (*s & 0xf0) == 0xe0 ? 3
		   : (*s & 0xf8) == 0xf0 ? 4
					 : 0;

	if (n == 2 && *s < 0xc2)
		return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || *s > 0xf4 || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/*
 * A line feed in the name of a file would begin a line that looks like one of ours, and an escape
 * sequence in a source would change what the terminal shows. U+0080 to U+009F are controls too.
 */
void write_plain(FILE *out, const char *s, size_t n)
{
	for (const char *end = s + n; s < end; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else if (c == 0xc2 && s + 1 < end && (unsigned char)s[1] >= 0x80 &&
			 (unsigned char)s[1] < 0xa0)
			fprintf(out, "\\u%04x", (unsigned char)*++s);
		else
			fputc(c, out);
	}
}

void write_plain_z(FILE *out, const char *s)
{
	write_plain(out, s, strlen(s));
}
