/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-look.c - what takes a path away without a word: a server looks for itself, every five seconds
 *
 * By a stopped clock, so that the figures are exact. inotify reports none of these.
 */
#include "pair.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

enum { LOOK_MS = 5000, SOON_MS = 100 };

static int look_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	assert_int_equal(mkdir(test_path("run"), 0700), 0);
	assert_int_equal(mkdir(test_path("run/user"), 0700), 0);
	setenv("POSTERN_DIR", test_path("run/user"), 1);
	return 0;
}

static int look_finish(void **state)
{
	(void)state;
	setenv("POSTERN_DIR", test_dir(), 1);
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define LOOK_TEST(name) TEST_WITH(name, look_setup, look_finish)

static void move(const char *from, const char *to)
{
	char path[300];

	snprintf(path, sizeof(path), "%s", test_path("%s", to));
	assert_int_equal(rename(test_path("%s", from), path), 0);
}

static void make(const char *path)
{
	assert_int_equal(mkdir(test_path("%s", path), 0700), 0);
}

static void is_served(struct site *s)
{
	int fd = plain_connect(postern_server_path(s->server));

	assert_ok(fd);
	site_echo(s, fd);
	close(fd);
}

/* Told within one look, and what it does about it. */
static void is_restored(struct site *s)
{
	turn_for(s->loop, LOOK_MS + SOON_MS);
	assert_int_equal(s->errors[POSTERN_REASON_NAME_RESTORED], 1);
	assert_int_equal(s->errors[POSTERN_REASON_NAME_LOST], 0);
	is_served(s);
}

static void is_lost(struct site *s)
{
	turn_for(s->loop,
		 LOOK_MS + SOON_MS + 1100); /* and a second's patience with whoever has it */
	assert_int_equal(s->errors[POSTERN_REASON_NAME_RESTORED], 0);
	assert_int_equal(s->errors[POSTERN_REASON_NAME_LOST], 1);
	assert_errno(postern_server_fd(s->server), -ESTALE);
}

/* ---- directories above ---- */

static void a_base_directory_that_is_renamed_is_made_again(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, "clock", NULL);
	move("run/user", "run/away");
	is_restored(&s);
	/* Nothing of the server is left where nobody looks for it. */
	assert_int_not_equal(access(test_path("run/away/clock/sock"), F_OK), 0);
	assert_int_not_equal(access(test_path("run/away/clock/info"), F_OK), 0);
	site_close(&s);
}

static void a_name_whose_directory_has_no_place_any_more_is_lost(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, "clock", NULL);
	move("run", "away");
	is_lost(&s);
	assert_non_null(strstr(s.text, "does not exist"));
	site_close(&s);
	make("run");
	make("run/user");
	site_open(&s, test_path("run/user/path"), NULL);
	move("run", "away2");
	is_lost(&s);
	site_close(&s);
}

static void a_path_whose_directory_was_replaced_is_published_again(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, test_path("run/user/path"), NULL);
	move("run", "away");
	make("run");
	make("run/user");
	is_restored(&s);
	site_close(&s);
}

/* For a while both serve; the first one then hears of it. */
static void a_second_owner_of_the_path_is_told_to_the_first(void **state)
{
	struct postern_server *second;
	struct site s, t = { 0 };

	(void)state;
	site_open(&s, "clock", NULL);
	move("run/user", "run/away");
	make("run/user");
	assert_ok(postern_server_new(&second, s.loop, "clock", NULL, &site_events, &t));
	is_lost(&s);
	assert_non_null(strstr(s.text, "in use by pid"));
	assert_string_equal(t.trace, "");
	postern_server_free(second);
	site_close(&s);
}

/* A symlink on the way that leads elsewhere now. */
static void a_path_that_was_led_elsewhere_is_published_there(void **state)
{
	char target[300];
	struct site s;

	(void)state;
	make("old");
	make("new");
	snprintf(target, sizeof(target), "%s", test_path("old"));
	assert_int_equal(symlink(target, test_path("link")), 0);
	site_open(&s, test_path("link/path"), NULL);
	unlink(test_path("link"));
	snprintf(target, sizeof(target), "%s", test_path("new"));
	assert_int_equal(symlink(target, test_path("link")), 0);
	is_restored(&s);
	assert_int_equal(access(test_path("new/path"), F_OK), 0);
	assert_int_not_equal(access(test_path("old/path"), F_OK), 0);
	site_close(&s);
}

static void without_inotify_the_look_finds_what_it_would_have_told(void **state)
{
	struct site s;

	(void)state;
	fault_refuse(FAULT_inotify, EMFILE);
	site_open(&s, "clock", NULL);
	unlink(test_path("run/user/clock/sock"));
	is_restored(&s);
	unlink(test_path("run/user/clock/lock"));
	turn_for(s.loop, LOOK_MS + SOON_MS);
	assert_int_equal(s.errors[POSTERN_REASON_NAME_RESTORED], 2);
	site_close(&s);
}

/* ---- mounts ---- */

static int need_mounts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	return 0;
}

static void in_own_mounts(int (*fn)(void *arg))
{
	int status = test_fork(fn, NULL);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("needs root and a mount namespace");
	assert_int_equal(status, 0);
}

static void mount_runtime(void)
{
	assert_int_equal(mount("tmpfs", test_path("run/user"), "tmpfs", 0, "mode=0700"), 0);
}

static int log_out_and_in(void *arg)
{
	struct site s;

	(void)arg;
	if (need_mounts())
		return 77;
	mount_runtime();
	site_open(&s, "clock", NULL);
	assert_int_equal(umount2(test_path("run/user"), MNT_DETACH), 0);
	mount_runtime();
	is_restored(&s);
	site_close(&s);
	return 0;
}

static void a_runtime_directory_that_is_mounted_anew_has_the_name_again(void **state)
{
	(void)state;
	in_own_mounts(log_out_and_in);
}

static int mount_over(void *arg)
{
	struct site s;

	(void)arg;
	if (need_mounts())
		return 77;
	site_open(&s, "clock", NULL);
	mount_runtime();
	is_restored(&s);
	site_close(&s);
	return 0;
}

static void a_directory_that_is_mounted_over_has_the_name_on_top(void **state)
{
	(void)state;
	in_own_mounts(mount_over);
}

/* ---- a process that gives up what it can ---- */

static int change_root(void *arg)
{
	struct site s;

	(void)arg;
	if (geteuid() != 0)
		return 77;
	make("jail");
	site_open(&s, "clock", NULL);
	if (chroot(test_path("jail")) < 0 || chdir("/") < 0)
		return 77;
	turn_for(s.loop, 4 * LOOK_MS);
	assert_string_equal(s.trace, "");
	site_close(&s);
	return 0;
}

static void a_server_that_changed_its_root_keeps_its_name(void **state)
{
	int status;

	(void)state;
	status = test_fork(change_root, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("needs root");
	assert_int_equal(status, 0);
	/* And takes it away by the directory that it opened. */
	assert_int_not_equal(access(test_path("run/user/clock/sock"), F_OK), 0);
}

static int change_mounts(void *arg)
{
	struct site s;

	(void)arg;
	if (geteuid() != 0)
		return 77;
	site_open(&s, "clock", NULL);
	if (need_mounts())
		return 77;
	mount_runtime(); /* seen by this process alone */
	turn_for(s.loop, 4 * LOOK_MS);
	assert_string_equal(s.trace, "");
	site_close(&s);
	return 0;
}

static void a_server_that_changed_its_mounts_keeps_its_name(void **state)
{
	(void)state;
	in_own_mounts(change_mounts);
}

/* ---- what it costs ---- */

static void an_idle_loop_wakes_up_once_for_all_its_servers(void **state)
{
	struct postern_server *others[7];
	struct site s;
	unsigned turns;
	uint64_t calls;

	(void)state;
	site_open(&s, "clock", NULL);
	for (size_t i = 0; i < 7; i++) {
		char name[16];

		turn_for(s.loop, 700); /* made at other times, and looking at the same */
		snprintf(name, sizeof(name), "clock%zu", i);
		assert_ok(postern_server_new(&others[i], s.loop, name, NULL, &site_events, &s));
	}
	turn_for(s.loop, LOOK_MS);
	fault_count_reset();
	turns = turn_for(s.loop, 12 * LOOK_MS);
	calls = fault_count_kernel();
	test_note("8 servers, a minute: %u turns, %.1f system calls a second", turns,
		  (double)calls / 60);
	assert_in_range(turns, 12, 14);
	assert_in_range(calls, 1, 60 * 20);
	assert_string_equal(s.trace, "");
	for (size_t i = 0; i < 7; i++)
		postern_server_free(others[i]);
	site_close(&s);
}

static void what_has_no_path_is_not_looked_at(void **state)
{
	char name[64];
	struct site s;

	(void)state;
	snprintf(name, sizeof(name), "@postern-look-%d", (int)getpid());
	site_open(&s, name, NULL);
	turn_quiet(s.loop);
	fault_count_reset();
	assert_int_equal(turn_for(s.loop, 60 * 1000), 1);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOK_TEST(a_base_directory_that_is_renamed_is_made_again),
		LOOK_TEST(a_name_whose_directory_has_no_place_any_more_is_lost),
		LOOK_TEST(a_path_whose_directory_was_replaced_is_published_again),
		LOOK_TEST(a_second_owner_of_the_path_is_told_to_the_first),
		LOOK_TEST(a_path_that_was_led_elsewhere_is_published_there),
		LOOK_TEST(without_inotify_the_look_finds_what_it_would_have_told),
		LOOK_TEST(a_runtime_directory_that_is_mounted_anew_has_the_name_again),
		LOOK_TEST(a_directory_that_is_mounted_over_has_the_name_on_top),
		LOOK_TEST(a_server_that_changed_its_root_keeps_its_name),
		LOOK_TEST(a_server_that_changed_its_mounts_keeps_its_name),
		LOOK_TEST(an_idle_loop_wakes_up_once_for_all_its_servers),
		LOOK_TEST(what_has_no_path_is_not_looked_at),
	};
	return test_run(tests);
}
