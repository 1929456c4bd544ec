/* SPDX-License-Identifier: Apache-2.0 */
/* duration.c - durations, sizes, modes and ids as people write them */
#include "command.h"

#include <ctype.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * UINT64_C(1000000000) },
	{ "h", 3600 * UINT64_C(1000000000) },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "K", UINT64_C(1) << 10 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "G", UINT64_C(1) << 30 },
	{ "GiB", UINT64_C(1) << 30 },
	{ NULL, 0 },
};

/* Digits only: strtoull() would take "-1" for a large number, and blanks. */
static const char *unit_digits(const char *text, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (unsigned)(*text - '0'), &n))
			return NULL;
	*ret = n;
	return text;
}

/* The digits after the point. Those beyond a billionth are too small for any unit. */
static const char *unit_fraction(const char *text, uint64_t *ret_billionths)
{
	uint64_t weight = 100000000;

	*ret_billionths = 0;
	if (*text != '.')
		return text;
	text++;
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++, weight /= 10)
		*ret_billionths += weight * (unsigned)(*text - '0');
	return text;
}

static bool unit_parse(const char *text, const struct unit *unit, uint64_t *ret)
{
	uint64_t whole, billionths, part;

	text = unit_digits(text, &whole);
	if (text)
		text = unit_fraction(text, &billionths);
	if (!text)
		return false;
	while (unit->name && strcmp(unit->name, text))
		unit++;
	if (!unit->name || __builtin_mul_overflow(whole, unit->factor, &whole))
		return false;
	part = (uint64_t)((double)billionths * (double)unit->factor / 1e9 + 0.5);
	return !__builtin_add_overflow(whole, part, ret);
}

const char *duration_parse(const char *text, int64_t *ret_ns)
{
	uint64_t ns;

	if (!strcmp(text, "forever")) {
		*ret_ns = POSTERN_FOREVER;
		return NULL;
	}
	if (!unit_parse(text, duration_units, &ns))
		return "is not a duration: write 500ms, 5s, 2m or forever";
	if (!ns)
		return "is zero: the shortest is 1ns";
	if (ns >= (uint64_t)POSTERN_FOREVER)
		return "is too long: write forever";
	*ret_ns = (int64_t)ns;
	return NULL;
}

const char *size_parse(const char *text, uint64_t *ret)
{
	uint64_t bytes;

	if (!unit_parse(text, size_units, &bytes))
		return "is not a size: write 4096, 64K or 8M";
	if (!bytes)
		return "is too small: the minimum is 1";
	*ret = bytes;
	return NULL;
}

const char *count_parse(const char *text, uint32_t *ret)
{
	uint64_t n;
	const char *end = unit_digits(text, &n);

	if (!end || *end)
		return "is not a number";
	if (!n)
		return "is too small: the minimum is 1";
	if (n > UINT32_MAX)
		return "is too large: the maximum is 4294967295";
	*ret = (uint32_t)n;
	return NULL;
}

const char *access_parse(const char *text, uint32_t *ret)
{
	uint32_t mode = 0;
	const char *p = text;

	if (!strcmp(text, "user") || !strcmp(text, "group") || !strcmp(text, "world")) {
		*ret = *text == 'u'   ? POSTERN_ACCESS_USER
		       : *text == 'g' ? POSTERN_ACCESS_GROUP
				      : POSTERN_ACCESS_WORLD;
		return NULL;
	}
	for (; *p >= '0' && *p <= '7' && mode <= 0777; p++)
		mode = mode * 8 + (uint32_t)(*p - '0');
	if (*p || p - text < 3 || mode > 0777)
		return "is not an access mode: write user, group, world, or a mode such as 0640";
	if (!mode)
		return "admits no user";
	*ret = mode;
	return NULL;
}

static const char *ids_one(const char *word, bool groups, uint32_t *ret)
{
	uint64_t n;
	const char *end = unit_digits(word, &n);
	const struct passwd *user;
	const struct group *group;

	/* The highest number means "unchanged" to chown(2) and is never assigned. */
	if (end && !*end) {
		if (n >= UINT32_MAX)
			return "is too large for an id";
		*ret = (uint32_t)n;
		return NULL;
	}
	if (groups) {
		group = getgrnam(word);
		if (!group)
			return "is not a group of this system";
		*ret = group->gr_gid;
		return NULL;
	}
	user = getpwnam(word);
	if (!user)
		return "is not a user of this system";
	*ret = user->pw_uid;
	return NULL;
}

const char *ids_parse(const char *text, bool groups, struct id_list *list)
{
	const char *wrong;
	char word[64];
	size_t n;

	do {
		n = strcspn(text, ",");
		if (!n || n >= sizeof(word))
			return groups ? "is not a group of this system"
				      : "is not a user of this system";
		memcpy(word, text, n);
		word[n] = '\0';
		if (list->n == IDS_MAX)
			return "is one too many: the maximum is 64";
		wrong = ids_one(word, groups, &list->ids[list->n]);
		if (wrong)
			return wrong;
		list->n++;
		text += n;
	} while (*text++ == ',');
	return NULL;
}

const char *duration_text(int64_t ns, char *buffer, size_t size)
{
	const struct unit *best = duration_units;

	if (ns == POSTERN_FOREVER)
		return "forever";
	for (const struct unit *u = duration_units; u->name; u++)
		if (ns && !((uint64_t)ns % u->factor))
			best = u;
	snprintf(buffer, size, "%" PRIu64 "%s", (uint64_t)ns / best->factor, best->name);
	return buffer;
}
