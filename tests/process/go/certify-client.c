/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certify-client.c - the steps of org.varlink.certification as a client: certify-client ADDRESS
 *
 * Each step is called with what the one before it was answered with, as that stands in the caller's memory. A line for each
 * step; the first one that fails ends it, with the reason.
 */
#include "org.varlink.certification.h"

#include <errno.h>
#include <postern.h>
#include <stdio.h>
#include <string.h>

#include "certify.h"

#define DEADLINE POSTERN_SECONDS(20)

struct desk {
	struct postern_caller *caller;
	char id[64];
	char replies[N_REPLIES][32];
	union { /* what the step before was answered with */
		struct certification_Test01_out b;
		struct certification_Test02_out i;
		struct certification_Test03_out f;
		struct certification_Test04_out s;
		struct certification_Test05_out all;
		struct certification_Test06_out st;
		struct certification_Test07_out map;
		struct certification_Test08_out set;
		struct certification_Test09_out mytype;
	} last;
};

/* The end of a step. */
static int told(const char *name, int r, bool right)
{
	const char *why = r < 0   ? postern_why()->text
			  : right ? NULL
				  : "it was answered with another value";

	if (!why) {
		printf("%s: right\n", name);
		return 0;
	}
	printf("%s: %s\n", name, why);
	return -1;
}

static int start(struct desk *d)
{
	struct certification_Start_out out;
	int r = certification_Start_wait(d->caller, &out, DEADLINE);

	if (r == 0)
		snprintf(d->id, sizeof d->id, "%s", out.client_id);
	return told("Start", r, r == 0 && *d->id);
}

static int test01(struct desk *d)
{
	const struct certification_Test01_in in = { .client_id = d->id };
	int r = certification_Test01_wait(d->caller, &in, &d->last.b, DEADLINE);

	return told("Test01", r, r == 0 && d->last.b.bool_);
}

static int test02(struct desk *d)
{
	const struct certification_Test02_in in = { .client_id = d->id, .bool_ = d->last.b.bool_ };
	int r = certification_Test02_wait(d->caller, &in, &d->last.i, DEADLINE);

	return told("Test02", r, r == 0 && d->last.i.int_ == 1);
}

static int test03(struct desk *d)
{
	const struct certification_Test03_in in = { .client_id = d->id, .int_ = d->last.i.int_ };
	int r = certification_Test03_wait(d->caller, &in, &d->last.f, DEADLINE);

	return told("Test03", r, r == 0 && same_double(d->last.f.float_, 1.0));
}

static int test04(struct desk *d)
{
	const struct certification_Test04_in in = { .client_id = d->id,
						    .float_ = d->last.f.float_ };
	int r = certification_Test04_wait(d->caller, &in, &d->last.s, DEADLINE);

	return told("Test04", r, r == 0 && !strcmp(d->last.s.string, "ping"));
}

static int test05(struct desk *d)
{
	const struct certification_Test05_in in = { .client_id = d->id,
						    .string = d->last.s.string };
	int r = certification_Test05_wait(d->caller, &in, &d->last.all, DEADLINE);
	const struct certification_Test05_out *out = &d->last.all;

	return told("Test05", r,
		    r == 0 && !out->bool_ && out->int_ == 2 && same_double(out->float_, PI) &&
			    !strcmp(out->string, LOT));
}

static int test06(struct desk *d)
{
	const struct certification_Test06_in in = {
		.client_id = d->id,
		.bool_ = d->last.all.bool_,
		.int_ = d->last.all.int_,
		.float_ = d->last.all.float_,
		.string = d->last.all.string,
	};
	int r = certification_Test06_wait(d->caller, &in, &d->last.st, DEADLINE);
	const struct certification_Test06_out_struct *out = &d->last.st.struct_;

	return told("Test06", r,
		    r == 0 && !out->bool_ && out->int_ == 2 && same_double(out->float_, PI) &&
			    !strcmp(out->string, LOT));
}

static int test07(struct desk *d)
{
	const struct certification_Test06_out_struct *got = &d->last.st.struct_;
	const struct certification_Test07_in in = {
		.client_id = d->id,
		.struct_ = { got->bool_, got->int_, got->float_, got->string },
	};
	int r = certification_Test07_wait(d->caller, &in, &d->last.map, DEADLINE);

	return told("Test07", r,
		    r == 0 && d->last.map.map.n == 2 && has_pair(&d->last.map.map, "foo", "Foo") &&
			    has_pair(&d->last.map.map, "bar", "Bar"));
}

static int test08(struct desk *d)
{
	struct certification_Test08_in_map_entry entries[2];
	const struct certification_Test08_in in = { .client_id = d->id, .map = { entries, 2 } };
	size_t i;
	int r;

	for (i = 0; i < 2; i++) {
		entries[i].key = d->last.map.map.items[i].key;
		entries[i].value = d->last.map.map.items[i].value;
	}
	r = certification_Test08_wait(d->caller, &in, &d->last.set, DEADLINE);
	return told("Test08", r,
		    r == 0 && d->last.set.set.n == 3 && has_key(&d->last.set.set, "one") &&
			    has_key(&d->last.set.set, "two") && has_key(&d->last.set.set, "three"));
}

static int test09(struct desk *d)
{
	struct certification_Test09_in_set_entry entries[3];
	const struct certification_Test09_in in = { .client_id = d->id, .set = { entries, 3 } };
	const char *wrong;
	size_t i;
	int r;

	for (i = 0; i < 3; i++)
		entries[i].key = d->last.set.set.items[i].key;
	r = certification_Test09_wait(d->caller, &in, &d->last.mytype, DEADLINE);
	wrong = r == 0 ? mytype_wrong(&d->last.mytype.mytype) : NULL;
	if (wrong)
		printf("Test09: %s is wrong\n", wrong);
	return told("Test09", r, !wrong);
}

/* The description does not say that it is for more, so no function is generated for that. */
static int test10(struct desk *d)
{
	const struct certification_Test10_in in = { .client_id = d->id,
						    .mytype = d->last.mytype.mytype };
	struct certification_Test10_out out;
	char expected[32];
	unsigned n = 0;
	bool right = true;
	int r = postern_caller_wait(d->caller, &certification_Test10_method, &in, NULL, &out,
				    POSTERN_CALL_MORE, DEADLINE);
	int more = r < 0 ? r : 1;

	for (; more > 0; more = postern_caller_next(d->caller, &out, DEADLINE), n++) {
		reply_write(expected, sizeof expected, n + 1);
		right = right && n < N_REPLIES && !strcmp(out.string, expected);
		if (right)
			memcpy(d->replies[n], expected, sizeof expected);
	}
	return told("Test10", more, right && n == N_REPLIES);
}

static int test11(struct desk *d)
{
	const char *texts[N_REPLIES];
	const struct certification_Test11_in in = {
		.client_id = d->id,
		.last_more_replies = { texts, N_REPLIES },
	};
	size_t i;
	int r;

	for (i = 0; i < N_REPLIES; i++)
		texts[i] = d->replies[i];
	r = postern_caller_wait(d->caller, &certification_Test11_method, &in, NULL, NULL,
				POSTERN_CALL_ONEWAY, DEADLINE);
	return told("Test11", r, postern_caller_answer(d->caller)->end == POSTERN_END_SENT);
}

static int end(struct desk *d)
{
	const struct certification_End_in in = { .client_id = d->id };
	struct certification_End_out out;
	int r = certification_End_wait(d->caller, &in, &out, DEADLINE);

	return told("End", r, r == 0 && out.all_ok);
}

/* Who has ended is not known any more. */
static int stranger(struct desk *d)
{
	const struct certification_Test01_in in = { .client_id = d->id };
	int r = certification_Test01_wait(d->caller, &in, NULL, DEADLINE);

	if (r == -EREMOTE && certification_is_ClientIdError(postern_caller_answer(d->caller)) > 0)
		return told("ClientIdError", 0, true);
	return told("ClientIdError", r, false);
}

int main(int argc, char **argv)
{
	static int (*const steps[])(struct desk *) = { start,  test01, test02, test03,  test04,
						       test05, test06, test07, test08,  test09,
						       test10, test11, end,    stranger };
	POSTERN_AUTO(caller) caller = NULL;
	struct desk desk = { 0 };
	size_t i;

	if (argc != 2 || postern_caller_new(&caller, NULL, argv[1], NULL) < 0)
		return 64;
	desk.caller = caller;
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i](&desk) < 0)
			return 1;
	return 0;
}
