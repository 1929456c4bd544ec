/* Functions that are only declared, or not even that, and their formats. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void note(int level, const char *fmt, ...);
void record(const char *text, ...) __attribute__((format(printf, 1, 2)));
void vnote(int level, const char *fmt, va_list arguments);
void keep(const char *text);
int run(const char *program, const char *argument, ...);

struct sink {
	void (*out)(const char *fmt, ...);
};

static void vsay(const char *fmt, va_list arguments)
{
	vfprintf(stderr, fmt, arguments);
}

static void say(const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	vsay(fmt, arguments);
	va_end(arguments);
}

/* Who forwards to a function elsewhere takes a format, too. */
static void tell(const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	vnote(3, fmt, arguments);
	va_end(arguments);
}

static int hear(int s, char *to, size_t size)
{
	ssize_t n = recv(s, to, size - 1, 0);

	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

void bad_declared(int s)
{
	char word[64];

	if (hear(s, word, sizeof(word)))
		note(2, word); // N1
}

void bad_attribute(int s)
{
	char word[64];

	if (hear(s, word, sizeof(word)))
		record(word); // N1
}

void bad_member(int s, struct sink *sink)
{
	char word[64];

	if (hear(s, word, sizeof(word)))
		sink->out(word); // N1
}

void bad_own(int s)
{
	char word[64];

	if (hear(s, word, sizeof(word)))
		say(word); // N1
}

void bad_forwarded(int s)
{
	char word[64];

	if (hear(s, word, sizeof(word)))
		tell(word); // N1
}

/* Nobody declares it; how it is called elsewhere shows what it is. */
void bad_shown(int s, int n)
{
	char word[64];

	xlog("%d clients of %d", n, 10);
	if (hear(s, word, sizeof(word)))
		xlog(word); // N1
}

void bad_built(int s)
{
	char word[64], line[128];

	if (!hear(s, word, sizeof(word)))
		return;
	snprintf(line, sizeof(line), "%s said", word);
	note(2, line); // N1
}

void good_fixed(int s)
{
	char word[64];

	if (!hear(s, word, sizeof(word)))
		return;
	note(2, "%s", word);
	record("%s", word);
	say("%s", word);
	tell("%s", word);
	xlog("%s", word);
}

/* No formats. */
void good_others(int s)
{
	char word[64];

	if (!hear(s, word, sizeof(word)))
		return;
	keep(word);
	run("/bin/echo", word, NULL);
}

/* It is called with texts that are none, too. */
void good_text(int s, int n)
{
	char word[64];

	put_text("50%d", 1);
	put_text("100%s are there");
	if (hear(s, word, sizeof(word)))
		put_text(word);
	(void)n;
}

void good_looked_through(int s)
{
	char word[64];

	if (!hear(s, word, sizeof(word)) || strchr(word, '%'))
		return;
	note(2, word);
}
