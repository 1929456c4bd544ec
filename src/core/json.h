/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON: what its files share; the rest is public, in postern/json.h */
#ifndef POSTERN_CORE_JSON_H
#define POSTERN_CORE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <postern/json.h>

/* Where a check is in its text, and what was wrong at `at`. */
struct json_scan {
	const unsigned char *at, *end;
	const char *wrong;
	unsigned depth; /* of the container that the value is in */
	unsigned blanks;/* 1: there was one */
};

/* Each goes over what it names, and returns 0, or -EBADMSG with `wrong` set. */
int json_scan_value(struct json_scan *s);
int json_scan_string(struct json_scan *s);
/* A number, from its sign or first digit on; large: it may be beyond what a double holds. */
int json_scan_form(struct json_scan *s, int *ret_large);
/* Mostly there is none. */
static inline void json_scan_blanks(struct json_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
		s->at++;
		s->blanks = 1;
	}
}

/* Between the places of two values of an object or array: 1 before a value, 0 before the bracket that closes it; begun: a
   value is behind. */
int json_scan_between(struct json_scan *s, uint32_t kind, uint32_t begun);
/* The name of a member, and what is between it and its value. */
int json_scan_member(struct json_scan *s, struct postern_json *ret_name);

/* The string that a value stands for, in the order of bytes; below 0 for all that is no string. */
int json_compare(struct postern_json v, const char *text);

/* The first byte that a string cannot have as it is, or that begins a sequence of UTF-8; or end. */
const unsigned char *json_plain(const unsigned char *at, const unsigned char *end);
/* The length, 2 to 4, of the sequence that begins with a byte from 0x80 on; 0: it is none. */
unsigned json_sequence(const unsigned char *at, const unsigned char *end);
/* One \u escape, with its other half if it has one, from the backslash on. Returns its length, 6 or 12; 0: it is none. */
unsigned json_escape(const unsigned char *at, const unsigned char *end, uint32_t *ret);

/* A number whose form is right. -ERANGE: no double holds it. */
int json_number_read(const char *text, size_t n, double *ret);
enum { JSON_NUMBER_MAX = 32 };
/* A finite double; returns the length. */
size_t json_number_write(double value, char ret[JSON_NUMBER_MAX]);
size_t json_integer_write(uint64_t value, char ret[JSON_NUMBER_MAX]);

#endif
