/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userdb-service SERVICE DIRECTORY - users and groups for the whole system, by io.systemd.UserDatabase
 *
 * They are those of DIRECTORY/passwd and DIRECTORY/group, which look as in /etc and are read at each call. userdbctl(1),
 * and by nss-systemd(8) every program that uses getpwnam(3), ask each socket in /run/systemd/userdb. Nothing but
 * sockets may be there, and Postern keeps a lock beside its own; so a link leads to that:
 *
 *     ln -s /run/postern/SERVICE/sock /run/systemd/userdb/SERVICE
 */
#include "io.systemd.UserDatabase.h"

#include <errno.h>
#include <grp.h>
#include <postern.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *service_name, *directory;

struct answer {
	union {
		struct UserDatabase_GetUserRecord_out user;
		struct UserDatabase_GetGroupRecord_out group;
		struct UserDatabase_GetMemberships_out membership;
	} out;
	char text[4096]; /* what out points to */
};

/* A call, until its last answer. */
struct search {
	struct postern_request *request;
	const struct kind *kind;
	const void *in; /* lives as long as the request */
	FILE *file;
	struct group group;
	char **members;     /* of group, those that are still to be looked at */
	char buffer[16384]; /* what group points to */
	bool one;           /* that is asked for: the first one in the file */
	bool conflict;
	bool more; /* the answer now[!i] follows now[i] */
	int i;
	struct answer now[2];
};

/* A method, the file that it looks into, and how it finds the next answer there. */
struct kind {
	const struct postern_method *method;
	const char *file;
	bool (*find)(struct search *s, struct answer *ret);
};

/* ---- Finding the next answer ---- */

/* If a name and a number are asked for, both must be right. */
static bool is_it(struct search *s, const char *name, id_t id, const char *asked_name,
		  const struct postern_opt_int *asked_id)
{
	bool name_is = !asked_name || !strcmp(asked_name, name);
	bool id_is = !asked_id->set || asked_id->value == id;

	s->one = asked_name || asked_id->set;
	if (asked_name && asked_id->set && name_is != id_is)
		s->conflict = true;
	return name_is && id_is;
}

static void write_text(struct postern_json_writer *w, const char *name, const char *value)
{
	postern_json_write_name(w, name);
	postern_json_write_text(w, value);
}

static void write_id(struct postern_json_writer *w, const char *name, id_t value)
{
	postern_json_write_name(w, name);
	postern_json_write_int(w, value);
}

/* False: the record is too long, or not UTF-8. */
static bool finish_record(struct postern_json_writer *w, struct postern_json *record)
{
	ssize_t n;

	postern_json_write_end(w);
	n = postern_json_write_finish(w);
	*record = (struct postern_json){ w->bytes, n < 0 ? 0 : (size_t)n };
	return n > 0;
}

static bool find_user(struct search *s, struct answer *ret)
{
	const struct UserDatabase_GetUserRecord_in *in =
		(const struct UserDatabase_GetUserRecord_in *)s->in;
	struct postern_json_writer w;
	struct passwd user, *p;

	while (fgetpwent_r(s->file, &user, s->buffer, sizeof s->buffer, &p) == 0) {
		if (!is_it(s, user.pw_name, user.pw_uid, in->userName, &in->uid))
			continue;
		user.pw_gecos[strcspn(user.pw_gecos, ",")] = 0; /* a room and telephones */
		postern_json_write_begin(&w, ret->text, sizeof ret->text);
		postern_json_write_object(&w);
		write_text(&w, "userName", user.pw_name);
		write_id(&w, "uid", user.pw_uid);
		write_id(&w, "gid", user.pw_gid);
		write_text(&w, "realName", user.pw_gecos);
		write_text(&w, "homeDirectory", user.pw_dir);
		write_text(&w, "shell", user.pw_shell);
		write_text(&w, "service", service_name);
		if (finish_record(&w, &ret->out.user.record))
			return true;
	}
	return false;
}

static bool next_group(struct search *s)
{
	struct group *g;

	return fgetgrent_r(s->file, &s->group, s->buffer, sizeof s->buffer, &g) == 0;
}

/* Its members are what GetMemberships tells. */
static bool find_group(struct search *s, struct answer *ret)
{
	const struct UserDatabase_GetGroupRecord_in *in =
		(const struct UserDatabase_GetGroupRecord_in *)s->in;
	struct postern_json_writer w;

	while (next_group(s)) {
		if (!is_it(s, s->group.gr_name, s->group.gr_gid, in->groupName, &in->gid))
			continue;
		postern_json_write_begin(&w, ret->text, sizeof ret->text);
		postern_json_write_object(&w);
		write_text(&w, "groupName", s->group.gr_name);
		write_id(&w, "gid", s->group.gr_gid);
		write_text(&w, "service", service_name);
		if (finish_record(&w, &ret->out.group.record))
			return true;
	}
	return false;
}

static bool find_membership(struct search *s, struct answer *ret)
{
	const struct UserDatabase_GetMemberships_in *in =
		(const struct UserDatabase_GetMemberships_in *)s->in;

	for (;;) {
		while (s->members && *s->members) {
			const char *user = *s->members++, *group = s->group.gr_name;
			size_t n = strlen(user) + 1, m = strlen(group) + 1;

			if (in->userName && strcmp(in->userName, user) != 0)
				continue;
			if (n + m > sizeof ret->text)
				continue;
			/* The next group takes their place in the buffer. */
			memcpy(ret->text, user, n);
			memcpy(ret->text + n, group, m);
			ret->out.membership.userName = ret->text;
			ret->out.membership.groupName = ret->text + n;
			return true;
		}
		if (!next_group(s))
			return false;
		s->members = s->group.gr_mem;
		if (in->groupName && strcmp(in->groupName, s->group.gr_name) != 0)
			s->members = NULL;
	}
}

/* ---- A call ---- */

static void end(struct search *s)
{
	fclose(s->file);
	postern_request_free(s->request); /* unanswered: its peer gets io.postern.Abandoned */
	free(s);
}

/* Each answer goes when it is known whether it is the last one, which says so. */
static void answer(struct search *s)
{
	const struct postern_type *type = s->kind->method->out;
	int r = 0;

	while (s->more && r == 0) {
		r = postern_request_continue(s->request, type, &s->now[s->i].out);
		if (r == -EAGAIN)
			return; /* its peer reads slowly: drained() goes on */
		s->i = !s->i;
		s->more = s->kind->find(s, &s->now[!s->i]);
	}
	if (r == -ENOTSUP)
		postern_request_fail_json(s->request, "org.varlink.service.ExpectedMore", NULL, 0);
	else if (r == 0)
		postern_request_reply(s->request, type, &s->now[s->i].out);
	end(s);
}

static void drained(struct postern_request *r, void *data)
{
	(void)r;
	answer((struct search *)data);
}

static void cancelled(struct postern_request *r, void *data)
{
	(void)r;
	end((struct search *)data);
}

static void search(struct postern_request *r, const struct kind *kind, const char *service,
		   const void *in)
{
	static const struct postern_request_events events = { .size = sizeof events,
							      .cancelled = cancelled,
							      .drained = drained };
	char path[4096];
	struct search *s;

	if (strcmp(service, service_name) != 0) {
		UserDatabase_fail_BadService(r);
		return;
	}
	s = (struct search *)calloc(1, sizeof *s);
	snprintf(path, sizeof path, "%s/%s", directory, kind->file);
	if (!s || !(s->file = fopen(path, "re"))) {
		UserDatabase_fail_ServiceNotAvailable(r);
		free(s);
		return;
	}
	s->request = postern_request_keep(r);
	s->kind = kind;
	s->in = in;
	postern_request_set_events(r, &events, s);
	if (kind->find(s, &s->now[0])) {
		s->more = !s->one && kind->find(s, &s->now[1]);
		answer(s);
		return;
	}
	if (s->conflict)
		UserDatabase_fail_ConflictingRecordFound(r);
	else
		UserDatabase_fail_NoRecordFound(r);
	end(s);
}

static void get_user(struct postern_request *r, const struct UserDatabase_GetUserRecord_in *in,
		     void *data)
{
	static const struct kind users = { &UserDatabase_GetUserRecord_method, "passwd",
					   find_user };
	(void)data;
	search(r, &users, in->service, in);
}

static void get_group(struct postern_request *r, const struct UserDatabase_GetGroupRecord_in *in,
		      void *data)
{
	static const struct kind groups = { &UserDatabase_GetGroupRecord_method, "group",
					    find_group };
	(void)data;
	search(r, &groups, in->service, in);
}

static void get_memberships(struct postern_request *r,
			    const struct UserDatabase_GetMemberships_in *in, void *data)
{
	static const struct kind memberships = { &UserDatabase_GetMemberships_method, "group",
						 find_membership };
	(void)data;
	search(r, &memberships, in->service, in);
}

/* ---- The service ---- */

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	static const struct UserDatabase_methods methods = { .GetUserRecord = get_user,
							     .GetGroupRecord = get_group,
							     .GetMemberships = get_memberships };
	static const struct postern_server_options server = { .size = sizeof server,
							      .access = POSTERN_ACCESS_WORLD };
	static const struct postern_service_options options = { .size = sizeof options,
								.server = &server,
								.product = "userdb" };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 3 || postern_loop_new(&loop) < 0)
		return 64;
	service_name = argv[1];
	directory = argv[2];
	if (postern_service_new(&service, loop, service_name, &options, NULL, NULL) < 0 ||
	    UserDatabase_provide(service, &methods, NULL) < 0) {
		fprintf(stderr, "userdb-service: %s\n", postern_why()->text);
		return 1;
	}
	return postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	       postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0 ||
	       postern_loop_run(loop) < 0;
}
