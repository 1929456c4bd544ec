/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-number.c - doubles from decimal digits, and back
 *
 * strtod() and printf() follow the locale: in half of Europe they expect and write a comma. Here all is integers, so
 * that neither the locale, nor the rounding mode, nor the wider registers of i386 have a say.
 *
 * Reading is Bellerophon (William D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990): the digits
 * times a power of ten in 64 bits, with a bound for the error. A double keeps 53 of them. If the rest is farther from
 * the middle between two doubles than the error, the nearer one is known; else, for about one number in twenty, the
 * digits are compared with that middle exactly, in a large integer. Of the digits, 800 count, since the middle
 * between two doubles has 767 at most; more than that only say that the number is a little larger.
 *
 * Writing multiplies by a power of ten in the same 64 bits, rounds to 15, 16 or 17 digits, and reads the result back: the
 * first that gives the same bits is taken. That needs no proof of its own, and no tables beyond the 18 powers. Ryu and
 * Grisu are faster, Eisel and Lemire's reading too; each of them carries 10 KB of tables.
 */
#include "core/json.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	JSON_DIGITS = 800, /* that are taken as they are */
	JSON_FIRST = 19,   /* that fit into 64 bits */
	JSON_TEN_MAX = 511,
	/* In units of 2^-64 of the value: up to nine powers, each off by one, each product by two; the digits by 2^64 / 10^18. */
	JSON_ERROR = 27 + 19,
	/* 10^1130, for 800 digits that end 1,130 places behind the point, has 3,754 bits, and 54 more are multiplied by it. */
	JSON_LARGE = 128,
};

/* f * 2^e, with the highest bit of f set. */
struct json_float {
	uint64_t f;
	int e;
};

/* 10^(2^i) and 10^-(2^i), rounded to 64 bits. */
static const struct json_float json_powers[2][9] = {
	{
		{ UINT64_C(0xa000000000000000), -60 },
		{ UINT64_C(0xc800000000000000), -57 },
		{ UINT64_C(0x9c40000000000000), -50 },
		{ UINT64_C(0xbebc200000000000), -37 },
		{ UINT64_C(0x8e1bc9bf04000000), -10 },
		{ UINT64_C(0x9dc5ada82b70b59e), 43 },
		{ UINT64_C(0xc2781f49ffcfa6d5), 149 },
		{ UINT64_C(0x93ba47c980e98ce0), 362 },
		{ UINT64_C(0xaa7eebfb9df9de8e), 787 },
	},
	{
		{ UINT64_C(0xcccccccccccccccd), -67 },
		{ UINT64_C(0xa3d70a3d70a3d70a), -70 },
		{ UINT64_C(0xd1b71758e219652c), -77 },
		{ UINT64_C(0xabcc77118461cefd), -90 },
		{ UINT64_C(0xe69594bec44de15b), -117 },
		{ UINT64_C(0xcfb11ead453994ba), -170 },
		{ UINT64_C(0xa87fea27a539e9a5), -276 },
		{ UINT64_C(0xddd0467c64bce4a1), -489 },
		{ UINT64_C(0xc0314325637a193a), -914 },
	},
};

static struct json_float json_float_make(uint64_t f, int e)
{
	int n = __builtin_clzll(f);

	return (struct json_float){ f << n, e - n };
}

/* Rounded down: less than one in the last place is lost. Without 128-bit numbers, which 32-bit machines do not have. */
static struct json_float json_float_times(struct json_float a, struct json_float b)
{
	uint64_t a1 = a.f >> 32, a0 = a.f & UINT32_MAX, b1 = b.f >> 32, b0 = b.f & UINT32_MAX;
	uint64_t low = a0 * b0, x = a1 * b0 + (low >> 32), y = a0 * b1 + (x & UINT32_MAX);
	uint64_t high = a1 * b1 + (x >> 32) + (y >> 32);

	low = y << 32 | (low & UINT32_MAX);
	if (high >> 63 == 0)
		return (struct json_float){ high << 1 | low >> 63, a.e + b.e + 63 };
	return (struct json_float){ high, a.e + b.e + 64 };
}

/* a * 10^ten */
static struct json_float json_float_scale(struct json_float a, int ten)
{
	const struct json_float *power = json_powers[ten < 0];
	unsigned n = (unsigned)(ten < 0 ? -ten : ten);

	assert(n <= JSON_TEN_MAX);
	for (; n > 0; n >>= 1, power++)
		if (n & 1)
			a = json_float_times(a, *power);
	return a;
}

/* ---- large integers ---- */

struct json_large {
	size_t n; /* words in use, the least significant first */
	uint32_t word[JSON_LARGE];
};

static void json_large_push(struct json_large *a, uint32_t word)
{
	assert(a->n < JSON_LARGE);
	a->word[a->n++] = word;
}

/* a * factor + more */
static void json_large_times(struct json_large *a, uint32_t factor, uint32_t more)
{
	uint64_t carry = more;

	for (size_t i = 0; i < a->n; i++) {
		carry += (uint64_t)a->word[i] * factor;
		a->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry > 0)
		json_large_push(a, (uint32_t)carry);
}

static void json_large_scale(struct json_large *a, int ten)
{
	for (; ten >= 9; ten -= 9)
		json_large_times(a, 1000000000, 0);
	for (; ten > 0; ten--)
		json_large_times(a, 10, 0);
}

static void json_large_shift(struct json_large *a, int bits)
{
	size_t words = (size_t)bits / 32;

	json_large_times(a, (uint32_t)1 << (bits % 32), 0);
	assert(a->n + words <= JSON_LARGE);
	memmove(a->word + words, a->word, a->n * sizeof(*a->word));
	memset(a->word, 0, words * sizeof(*a->word));
	a->n += words;
}

static int json_large_compare(const struct json_large *a, const struct json_large *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (size_t i = a->n; i-- > 0;)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

/* ---- reading ---- */

/* A number as digits * 10^ten. */
struct json_decimal {
	const char *first,
		*end; /* from the first digit that is not 0 to the end of the fraction; the point is in there */
	uint64_t value; /* of the first JSON_FIRST digits */
	int n, ten; /* how many digits there are, JSON_DIGITS at most; the power of ten of the last of them */
	int more, negative; /* digits beyond those are not all 0 */
};

/* Of any length: it stays beyond what the digits of any text can make good. */
static int64_t json_exponent(const char *at, const char *end)
{
	int64_t value = 0;
	int negative = *at == '-';

	for (at += *at == '-' || *at == '+'; at < end; at++)
		if (value < INT64_MAX / 100)
			value = 10 * value + (*at - '0');
	return negative ? -value : value;
}

/* As an int, which stays where every number is 0 or too large. */
static int json_bounded(int64_t n)
{
	return n > 100000 ? 100000 : n < -100000 ? -100000 : (int)n;
}

static struct json_decimal json_decimal(const char *text, size_t n)
{
	struct json_decimal d = { .first = text,
				  .end = text + n,
				  .negative = n > 0 && *text == '-' };
	int64_t ten = 0;
	int fraction = 0;

	d.first += d.negative;
	for (const char *at = d.first; at < d.end; at++) {
		if (*at == '.') {
			fraction = 1;
			continue;
		}
		if (*at == 'e' || *at == 'E') {
			ten += json_exponent(at + 1, d.end);
			d.end = at;
			break;
		}
		if (d.n == 0 && *at == '0') {
			d.first = at + 1;
		} else if (d.n < JSON_DIGITS) {
			if (d.n < JSON_FIRST)
				d.value = 10 * d.value + (uint64_t)(*at - '0');
			d.n++;
		} else {
			d.more |= *at != '0';
			ten++;
		}
		ten -= fraction;
	}
	d.ten = json_bounded(ten);
	return d;
}

/* The digits as one integer: nine of them at a time, or a hostile text would cost nine times as much. */
static void json_decimal_large(const struct json_decimal *d, struct json_large *ret)
{
	uint32_t part = 0, factor = 1;
	int n = 0;

	for (const char *at = d->first; at < d->end && n < d->n; at++) {
		if (*at == '.')
			continue;
		part = 10 * part + (uint32_t)(*at - '0');
		factor *= 10;
		if (++n % 9 == 0 || n == d->n) {
			json_large_times(ret, factor, part);
			part = 0;
			factor = 1;
		}
	}
}

/* The digits against middle * 2^two, exactly. */
static int json_decimal_compare(const struct json_decimal *d, uint64_t middle, int two)
{
	struct json_large a = { 0 }, b = { 0 };
	int r;

	json_decimal_large(d, &a);
	json_large_push(&b, (uint32_t)middle);
	json_large_push(&b, (uint32_t)(middle >> 32));
	while (b.n > 0 && b.word[b.n - 1] == 0)
		b.n--;
	json_large_scale(d->ten < 0 ? &b : &a, d->ten < 0 ? -d->ten : d->ten);
	json_large_shift(two < 0 ? &a : &b, two < 0 ? -two : two);
	r = json_large_compare(&a, &b);
	return r == 0 && d->more ? 1 : r;
}

/* The 53 bits that are nearest to x, which may be off; two is the power of two of the last of them. */
static uint64_t json_round(const struct json_decimal *d, struct json_float x, int two)
{
	uint64_t low = x.f - JSON_ERROR, high = x.f + JSON_ERROR, half, m = 0;
	int shift = two - x.e, r;

	if (high < x.f)
		high = UINT64_MAX;
	/* The smallest double has its middle to 0 at half of it, which x does not reach here, but for the error. */
	if (shift > 65 || (shift == 65 && high < UINT64_MAX))
		return 0;
	if (shift <= 64) {
		half = UINT64_C(1) << (shift - 1);
		if (shift < 64) {
			m = low >> shift;
			low -= m << shift;
			high -= m << shift;
		}
		if (high < half)
			return m;
		if (low > half)
			return m + 1;
	}
	r = json_decimal_compare(d, 2 * m + 1, two - 1);
	return m + (r > 0 || (r == 0 && m & 1));
}

int json_number_read(const char *text, size_t n, double *ret)
{
	struct json_decimal d = json_decimal(text, n);
	int used = d.n < JSON_FIRST ? d.n : JSON_FIRST, two;
	uint64_t bits = 0;
	struct json_float x;

	if (d.n > 0 && d.n + d.ten > 310)
		return -ERANGE;
	if (d.n > 0 && d.n + d.ten > -330) {
		x = json_float_scale(json_float_make(d.value, 0), d.ten + d.n - used);
		/* Below 2^-1022 the last bit stays where it is. */
		two = x.e + 11 < -1074 ? -1074 : x.e + 11;
		bits = json_round(&d, x, two);
		if (bits >> 53) {
			bits >>= 1;
			two++;
		}
		if (two > 971)
			return -ERANGE;
		if (bits >> 52)
			bits = (bits & (UINT64_MAX >> 12)) | (uint64_t)(two + 1075) << 52;
	}
	bits |= (uint64_t)d.negative << 63;
	memcpy(ret, &bits, sizeof(bits));
	return 0;
}

/* ---- writing ---- */

size_t json_integer_write(uint64_t value, char ret[JSON_NUMBER_MAX])
{
	char text[20];
	size_t n = sizeof(text);

	do
		text[--n] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	memcpy(ret, text + n, sizeof(text) - n);
	return sizeof(text) - n;
}

/* Digits with an exponent: 1e21, 2.5e-9. */
static size_t json_scientific(const char *text, size_t n, int exponent, char *ret)
{
	size_t at = 1;

	ret[0] = text[0];
	if (n > 1) {
		ret[at++] = '.';
		memcpy(ret + at, text + 1, n - 1);
		at += n - 1;
	}
	ret[at++] = 'e';
	if (exponent < 0)
		ret[at++] = '-';
	return at + json_integer_write((uint64_t)(exponent < 0 ? -exponent : exponent), ret + at);
}

/* digits * 10^ten without the zeros at their end: as an integer, with a point, or with an exponent. An integer has 18 digits
   at most: there are readers that take more for an integer of theirs, and refuse it. */
static size_t json_layout(uint64_t digits, int ten, char ret[JSON_NUMBER_MAX])
{
	char text[JSON_NUMBER_MAX];
	size_t n, zeros;
	int point;

	for (; digits % 10 == 0; digits /= 10)
		ten++;
	n = json_integer_write(digits, text);
	point = (int)n + ten; /* digits before the point */
	if (point > 18 || point <= -6)
		return json_scientific(text, n, point - 1, ret);
	if (ten >= 0) {
		memcpy(ret, text, n);
		memset(ret + n, '0', (size_t)ten);
		return n + (size_t)ten;
	}
	if (point > 0) {
		zeros = (size_t)point;
		memcpy(ret, text, zeros);
		ret[zeros] = '.';
		memcpy(ret + zeros + 1, text + zeros, n - zeros);
		return n + 1;
	}
	zeros = (size_t)-point;
	memcpy(ret, "0.00000", 2 + zeros);
	memcpy(ret + 2 + zeros, text, n);
	return 2 + zeros + n;
}

/* x * 10^-ten, rounded to an integer below 2^60; it is 1 or more. */
static uint64_t json_float_integer(struct json_float x, int ten)
{
	x = json_float_scale(x, -ten);
	return ((x.f >> (-x.e - 1)) + 1) >> 1;
}

/* Writes x with this many digits; does it read back as these bits? */
static int json_try(struct json_float x, uint64_t bits, int n, char ret[JSON_NUMBER_MAX],
		    size_t *ret_n)
{
	/* 78913 / 2^18 is the logarithm of 2; the estimate is right, or one too small. */
	int ten = (int)(((int64_t)(x.e + 63) * 78913) >> 18) - n + 1;
	uint64_t limit = 1, digits, back;
	double value;

	for (int i = 0; i < n; i++)
		limit *= 10;
	digits = json_float_integer(x, ten);
	if (digits >= limit)
		digits = json_float_integer(x, ++ten);
	/* The last of 17 digits may be off by one, and the one that is right does read back. */
	for (int off = 0; off < (n == 17 ? 3 : 1); off++) {
		*ret_n = json_layout(digits + (uint64_t)(off == 2 ? -1 : off), ten, ret);
		if (json_number_read(ret, *ret_n, &value) == 0) {
			memcpy(&back, &value, sizeof(back));
			if (back == bits)
				return 1;
		}
	}
	return 0;
}

size_t json_number_write(double value, char ret[JSON_NUMBER_MAX])
{
	uint64_t bits, fraction;
	struct json_float x;
	size_t n = 0, length = 1;
	int exponent;

	memcpy(&bits, &value, sizeof(bits));
	if (bits >> 63) {
		ret[n++] = '-';
		bits &= UINT64_MAX >> 1;
	}
	if (bits == 0) {
		ret[n] = '0';
		return n + 1;
	}
	exponent = (int)(bits >> 52);
	fraction = bits & (UINT64_MAX >> 12);
	x = exponent > 0 ? json_float_make(fraction | UINT64_C(1) << 52, exponent - 1075)
			 : json_float_make(fraction, -1074);
	/* Doubles below 2^-1022 have fewer bits than 15 digits say. 17 digits are enough for every one. */
	for (int digits = exponent > 0 ? 15 : 1; !json_try(x, bits, digits, ret + n, &length);
	     digits++)
		assert(digits < 17);
	return n + length;
}
