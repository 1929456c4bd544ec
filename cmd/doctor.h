/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h - shared by the two files of postern doctor: doctor.c checks the server, doctor-place.c its place */
#ifndef POSTERN_DOCTOR_H
#define POSTERN_DOCTOR_H

#include "look.h"

struct doctor {
	struct look   look;
	enum look_lock lock;
	int           lock_error;
	bool          served;        /* a live server has the name, as far as is known */
	bool          quiet;
	uid_t         me, unknown;
	unsigned      problems;
	char          fix[PATH_MAX + 512];
	bool          advice;        /* fix is words, and no command */
};

/* One line each: "ok", the check, the result; "problem", the check, the problem, and d->fix. */
void doctor_ok(struct doctor *d, const char *check, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_problem(struct doctor *d, const char *check, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets d->fix to a command; what is a path in it comes out of doctor_quote(). Never one that moves, removes or takes over
   what nobody knows to be Postern's: that is said in words. */
void doctor_fix(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void doctor_advise(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something else is at a path where the server has a file of its own. */
void doctor_fix_by_moving(struct doctor *d, const char *path);
/* For a shell; valid until the fourth call after. */
const char *doctor_quote(const char *path);

/* doctor-place.c: false if nothing below can be checked. */
bool doctor_look_at_way(struct doctor *d);
void doctor_look_at_directories(struct doctor *d);
void doctor_look_at_disk(struct doctor *d);
void doctor_look_at_lock(struct doctor *d);
void doctor_look_at_info(struct doctor *d);

#endif
