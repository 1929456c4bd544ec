/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The include paths of a compile_commands.json. Only strings matter: a "directory", and options in
 * a "command" or in "arguments"; what else the file holds is passed over.
 */

#include "read/include.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMANDS_MAX_SIZE = 32 << 20 };

struct commands {
	const char *s;
	char directory[PATH_MAX];
	void (*found)(const char *path, void *data);
	void *data;
	bool wanted; /* the next word is a path */
};

static char *commands_read(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct text text = { 0 };
	char buffer[65536];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < COMMANDS_MAX_SIZE)
		while ((n = read(fd, buffer, sizeof(buffer))) > 0 && text.n < COMMANDS_MAX_SIZE)
			text_add(&text, buffer, (size_t)n);
	close(fd);
	return text.n ? text_done(&text) : NULL;
}

/* A string of JSON at s, which stands on its first quote; where it ends. */
static const char *commands_string(const char *s, struct text *into)
{
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			text_add(into, *s == 'n' || *s == 't' ? " " : s, 1);
		} else {
			text_add(into, s, 1);
		}
	}
	return *s ? s + 1 : s;
}

/* The current folder's own paths are what this tells; other machines' are not there. */
static void commands_path(struct commands *c, const char *path)
{
	char whole[PATH_MAX];
	const char *base = c->directory;

	if (!*path)
		return;
	if (*path != '/') {
		if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", base, path) >= sizeof(whole))
			return;
		path = whole;
	}
	if (access(path, X_OK) == 0)
		c->found(path, c->data);
}

static void commands_word(struct commands *c, const char *word)
{
	static const char *const options[] = { "-iquote", "-isystem", "-I" };

	if (c->wanted) {
		c->wanted = false;
		commands_path(c, word);
		return;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (!starts_with(word, options[i]))
			continue;
		word += strlen(options[i]);
		if (*word)
			commands_path(c, word);
		else
			c->wanted = true;
		return;
	}
}

static void commands_words(struct commands *c, char *line)
{
	char *save = NULL;

	for (char *word = strtok_r(line, " \t\n\"'", &save); word;
	     word = strtok_r(NULL, " \t\n\"'", &save))
		commands_word(c, word);
	c->wanted = false;
}

static void commands_value(struct commands *c, const char *key, char *value)
{
	if (!strcmp(key, "directory"))
		snprintf(c->directory, sizeof(c->directory), "%s", value);
	else if (!strcmp(key, "command"))
		commands_words(c, value);
	else if (!strcmp(key, "arguments"))
		commands_word(c, value);
}

void commands_paths(const char *file, void (*found)(const char *path, void *data), void *data)
{
	struct commands c = { .s = commands_read(file), .found = found, .data = data };
	char key[32] = "";

	if (!c.s)
		return;
	for (const char *s = c.s; *s;) {
		struct text text = { 0 };
		char *value;

		if (*s != '"') {
			c.wanted &= *s != ']';
			s++;
			continue;
		}
		s = commands_string(s, &text);
		value = text_done(&text);
		s += strspn(s, " \t\n\r");
		if (*s == ':')
			snprintf(key, sizeof(key), "%s", value);
		else
			commands_value(&c, key, value);
	}
}
