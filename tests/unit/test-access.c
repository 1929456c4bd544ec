/* SPDX-License-Identifier: Apache-2.0 */
/* Owning a name: who may reach it, and everything that can stand in the way. */
#include "test.h"

#include "owner.h"

/* ---- access ---- */

static void modes_are_exact_whatever_the_umask(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666, 0640, 0622, 0700, 0606, 0777 };
	static const mode_t umasks[] = { 0, 022, 077, 0777 };
	mode_t before = umask(0);
	struct server s;

	(void)state;
	chmod(test_dir(), 0755);
	for (size_t i = 0; i < 4 * sizeof(modes) / sizeof(*modes); i++) {
		umask(umasks[i % 4]);
		server_start_mode(&s, "clock", modes[i / 4]);
		assert_int_equal(umask(umasks[i % 4]), umasks[i % 4]);
		assert_int_equal(mode_of(test_path("clock/sock")), modes[i / 4]);
		assert_int_equal(mode_of(test_path("clock/lock")), 0600);
		assert_int_equal(mode_of(test_path("clock/info")), 0644);
		assert_ok(try_connect(&s.name));
		server_stop(&s);
	}
	umask(before);
}

static int watch_modes(void *arg)
{
	struct stat st;
	long seen = 0;

	(void)arg;
	assert_int_equal(chdir(test_dir()), 0);
	/* postern-review: ignore W2 no instant is to be missed */
	while (access("go", F_OK) == 0)
		if (lstat("clock/sock", &st) == 0 && ++seen && (st.st_mode & 07777) != 0600)
			return 1;
	return seen ? 0 : 2;
}

static void pain_08_threat_12_the_socket_is_never_open_wider_than_asked(void **state)
{
	mode_t before = umask(0);
	struct server s;
	pid_t watcher;
	int status;

	(void)state;
	write_file(test_path("go"), "");
	watcher = test_fork_start(watch_modes, NULL);
	for (int i = 0; i < 500; i++) {
		server_start(&s, "clock");
		server_stop(&s);
	}
	server_start(&s, "clock");
	test_sleep_ms(20);
	unlink(test_path("go"));
	status = test_fork_wait(watcher);
	server_stop(&s);
	umask(before);
	assert_int_equal(status, 0);
}

static void directories_of_ours_are_widened_for_wider_access(void **state)
{
	struct server s;

	(void)state;
	setenv("POSTERN_DIR", test_path("base"), 1);
	server_start(&s, "clock");
	server_stop(&s);
	assert_refused_mode("clock", 0666, -EACCES,
			    test_dir()); /* the directory above is not ours to open */
	assert_int_equal(mode_of(test_path("base")), 0700);
	chmod(test_dir(), 0711);
	server_start_mode(&s, "clock", 0666);
	assert_int_equal(mode_of(test_path("base")), 0755);
	assert_int_equal(mode_of(test_path("base/clock")), 0755);
	server_stop(&s);
	server_start(&s, "clock"); /* and not narrowed again: other names may need it */
	assert_int_equal(mode_of(test_path("base")), 0755);
	server_stop(&s);
	setenv("POSTERN_DIR", test_path("new"), 1);
	server_start_mode(&s, "clock", 0660);
	assert_int_equal(mode_of(test_path("new/clock")), 0755);
	server_stop(&s);
}

static void access_wider_than_the_directories_above_allow_is_an_error(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(mkdir(test_path("closed"), 0700), 0);
	assert_int_equal(mkdir(test_path("closed/open"), 0755), 0);
	chmod(test_dir(), 0755);
	assert_refused_mode(test_path("closed/open/s"), 0666, -EACCES,
			    test_path("closed (mode 0700"));
	assert_refused_mode(test_path("closed/open/s"), 0606, -EACCES, "lets others in");
	assert_refused_mode(test_path("closed/open/s"), 0660, -EACCES, "lets the group in");
	assert_string_equal(entries_of(test_path("closed/open")), "");
	server_start_mode(&s, test_path("closed/open/s"),
			  0644); /* who cannot write cannot connect */
	server_stop(&s);
	chmod(test_path("closed"), 0710);
	assert_refused_mode(test_path("closed/open/s"), 0666, -EACCES,
			    test_path("closed (mode 0710"));
	server_start_mode(&s, test_path("closed/open/s"), 0660); /* it is the directory's group */
	server_stop(&s);
	chmod(test_path("closed"), 0711);
	server_start_mode(&s, test_path("closed/open/s"), 0666);
	server_stop(&s);
}

static void the_group_of_the_socket_can_be_chosen(void **state)
{
	struct server s;

	(void)state;
	need_root();
	chmod(test_dir(), 0755);
	server_prepare(&s, "clock", 0660);
	s.group = NOBODY;
	s.o.options.group = &s.group;
	assert_ok(server_acquire(&s));
	assert_int_equal(stat_of(test_path("clock/sock")).st_gid, NOBODY);
	assert_int_equal(stat_of(test_path("clock/sock")).st_uid, geteuid());
	assert_int_equal(mode_of(test_path("clock/sock")), 0660);
	server_stop(&s);

	assert_int_equal(mkdir(test_path("roots"), 0710),
			 0); /* the group root may pass, the chosen one not */
	setenv("POSTERN_DIR", test_path("roots/base"), 1);
	server_prepare(&s, "clock", 0660);
	s.o.options.group = &s.group;
	s.group = NOBODY;
	assert_errno(server_acquire(&s), -EACCES);
	server_abandon(&s);
}

static int choose_group_as_nobody(void *arg)
{
	struct server s;

	(void)arg;
	if (become_nobody() < 0)
		return 77;
	server_prepare(&s, "clock", 0660);
	s.o.options.group = &s.group;
	s.group = 12345;
	assert_errno(server_acquire(&s), -EPERM);
	assert_non_null(strstr(s.why.text, "group 12345"));
	server_abandon(&s);
	assert_string_equal(entries_of(test_path("own/clock")), "lock ");
	return 0;
}

static void make_nobodys_base(void)
{
	need_root();
	chmod(test_dir(), 0755);
	assert_int_equal(mkdir(test_path("own"), 0755), 0);
	assert_int_equal(chown(test_path("own"), NOBODY, NOBODY), 0);
	setenv("POSTERN_DIR", test_path("own"), 1);
}

static void a_group_that_we_are_not_in_is_refused(void **state)
{
	(void)state;
	make_nobodys_base();
	run_in_child(choose_group_as_nobody, NULL);
}

/* ---- what stands in the way ---- */

static void a_missing_directory_is_ENOENT(void **state)
{
	(void)state;
	assert_refused(test_path("none/s"), -ENOENT, test_path("none does not exist"));
	write_file(test_path("file"), "");
	assert_refused(test_path("file/s"), -ENOTDIR, "not a directory");
	setenv("POSTERN_DIR", test_path("file"), 1);
	assert_refused("clock", -ENOTDIR, "not a directory");
}

static void threat_10_a_directory_of_somebody_else_is_refused(void **state)
{
	(void)state;
	need_root();
	make_nobodys_base();
	assert_refused(test_path("own/s"), -EPERM, "belongs to uid 64000");
	assert_refused("clock", -EPERM, "belongs to uid 64000");
	setenv("POSTERN_DIR", test_path("own/below"), 1);
	assert_refused("clock", -EPERM, "belongs to uid 64000");
	assert_string_equal(entries_of(test_path("own")), "");
	setenv("POSTERN_DIR", test_dir(), 1);
	assert_int_equal(mkdir(test_path("squatted"), 0777), 0);
	assert_int_equal(chown(test_path("squatted"), NOBODY, NOBODY), 0);
	assert_refused("squatted", -EPERM, "belongs to uid 64000");
}

static void threat_10_a_directory_that_others_can_write_to_is_refused(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(mkdir(test_path("open"), 0700), 0);
	assert_int_equal(chmod(test_path("open"), 0777), 0);
	assert_refused(test_path("open/s"), -EPERM, "writable by others");
	assert_refused("open", -EPERM, "writable by others");
	assert_string_equal(entries_of(test_path("open")), "");
	assert_int_equal(chmod(test_path("open"), 01777), 0);
	if (geteuid() == 0) {
		server_start(&s, test_path("open/s")); /* as /tmp is */
		assert_string_equal(s.o.warning, "");
		server_stop(&s);
	} else {
		assert_refused(test_path("open/s"), -EPERM, "writable by others");
	}
}

static void a_directory_that_a_group_can_write_to_is_warned_of(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(mkdir(test_path("group"), 0700), 0);
	assert_int_equal(chmod(test_path("group"), 0770), 0);
	server_start(&s, test_path("group/s"));
	assert_non_null(strstr(s.o.warning, "writable by group"));
	server_stop(&s);
}

static void threat_10_symlinks_of_our_own_directories_are_refused(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(mkdir(test_path("real"), 0700), 0);
	assert_int_equal(symlink("real", test_path("link")), 0);
	assert_refused("link", -ELOOP, "symlink");
	setenv("POSTERN_DIR", test_path("link/"), 1);
	assert_refused("clock", -ELOOP, "symlink");
	assert_string_equal(entries_of(test_path("real")), "");
	server_start(
		&s,
		test_path("link/s")); /* in a path, directories may be symlinks, as /var/run is */
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

static void threat_10_a_symlink_at_the_name_is_refused(void **state)
{
	int fd = foreign(test_path("target"), SOCK_STREAM, true);

	(void)state;
	assert_int_equal(symlink("target", test_path("s")), 0);
	assert_refused(test_path("s"), -ELOOP, "a symlink is at");
	assert_int_equal(symlink("nowhere", test_path("dangling")), 0);
	assert_refused(test_path("dangling"), -ELOOP, "a symlink is at");
	assert_string_equal(entries_of(test_dir()), "dangling s target ");
	close(fd);
}

static void a_file_or_a_directory_at_the_name_is_refused(void **state)
{
	(void)state;
	write_file(test_path("file"), "precious");
	assert_int_equal(mkdir(test_path("dir"), 0700), 0);
	assert_int_equal(mkfifo(test_path("fifo"), 0600), 0);
	assert_refused(test_path("file"), -ENOTSOCK, "a file is at");
	assert_refused(test_path("dir"), -ENOTSOCK, "a directory is at");
	assert_refused(test_path("fifo"), -ENOTSOCK, "not a socket is at");
	assert_string_equal(entries_of(test_dir()), "dir fifo file ");
	assert_int_equal(stat_of(test_path("file")).st_size, 8);
}

static void a_socket_of_somebody_else_is_refused(void **state)
{
	(void)state;
	need_root();
	close(foreign(test_path("s"), SOCK_STREAM, true));
	assert_int_equal(chown(test_path("s"), NOBODY, NOBODY), 0);
	assert_refused(test_path("s"), -EPERM, "belongs to uid 64000");
	assert_string_equal(entries_of(test_dir()), "s s.lock ");
}

static void threat_10_a_lock_that_is_not_ours_is_refused(void **state)
{
	(void)state;
	write_file(test_path("precious"), "");
	assert_int_equal(symlink("precious", test_path("a.lock")), 0);
	assert_refused(test_path("a"), -ELOOP, "it is a symlink");
	assert_int_equal(link(test_path("precious"), test_path("b.lock")), 0);
	assert_refused(test_path("b"), -EPERM, "more than one link");
	assert_int_equal(mkfifo(test_path("c.lock"), 0600), 0);
	assert_refused(test_path("c"), -EPERM, "not a regular file");
	assert_int_equal(mkdir(test_path("d.lock"), 0700), 0);
	assert_refused(test_path("d"), -EISDIR, "it is a directory");
	write_file(test_path("e.lock"), "4711\n");
	assert_refused(test_path("e"), -EPERM, "it is not empty");
	close(foreign(test_path("f.lock"), SOCK_STREAM, true));
	assert_refused(test_path("f"), -EPERM, "not a regular file");
	if (geteuid() == 0) {
		write_file(test_path("g.lock"), "");
		assert_int_equal(chown(test_path("g.lock"), NOBODY, NOBODY), 0);
		assert_refused(test_path("g"), -EPERM, "another user");
	}
}

static void a_foreign_file_where_the_stale_socket_would_be_is_kept(void **state)
{
	struct server s;

	(void)state;
	write_file(test_path("s.stale"), "my notes");
	server_start(&s, test_path("s"));
	server_abandon(&s);
	assert_refused(test_path("s"), -EEXIST, "in the way");
	assert_int_equal(stat_of(test_path("s.stale")).st_size, 8);
}

static int fail_as_nobody(void *arg)
{
	(void)arg;
	if (become_nobody() < 0)
		return 77;
	setenv("POSTERN_DIR", test_path("roots"), 1);
	assert_refused("clock", -EACCES, "permission denied");
	assert_refused(test_path("roots/s"), -EACCES, "permission denied");
	setenv("POSTERN_DIR", test_path("roots/base"), 1);
	assert_refused("clock", -EACCES, "permission denied");
	assert_refused(test_path("closed/s"), -EACCES, "permission denied");
	return 0;
}

static void no_permission_is_EACCES_and_leaves_nothing(void **state)
{
	(void)state;
	need_root();
	chmod(test_dir(), 0755);
	assert_int_equal(mkdir(test_path("roots"), 0755), 0);
	assert_int_equal(mkdir(test_path("closed"), 0700), 0);
	run_in_child(fail_as_nobody, NULL);
	assert_string_equal(entries_of(test_path("roots")), "");
}

/* A file system with so many entries left; 0 for one whose pages are all taken. */
static void full_file_system(int entries)
{
	char options[64], block[4096] = { 1 };
	int fd;

	snprintf(options, sizeof(options), "mode=0755,size=64k,nr_inodes=%d",
		 entries ? entries + 1 : 100);
	assert_int_equal(mount("tmpfs", test_path("full"), "tmpfs", 0, options), 0);
	if (entries)
		return;
	fd = open(test_path("full/fill"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static int fail_without_space(void *arg)
{
	/* What the file system takes, and what is there after it failed. */
	static const struct {
		int entries;
		const char *word, *path;
	} rounds[] = {
		{ 1, "clock ", "s.lock " },
		{ 2, "clock lock ", "" },
	};

	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0)
		return 77;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++) {
		full_file_system(rounds[i].entries);
		setenv("POSTERN_DIR", test_path("full"), 1);
		assert_refused("clock", -ENOSPC, "no space left");
		if (access(test_path("full/clock/sock"), F_OK) == 0 ||
		    access(test_path("full/clock/info"), F_OK) == 0 ||
		    access(test_path("full/clock/info.new"), F_OK) == 0)
			fail_msg("left behind: %s", entries_of(test_path("full/clock")));
		umount(test_path("full"));
		if (!rounds[i].path[0])
			continue;
		full_file_system(rounds[i].entries);
		assert_refused(test_path("full/s"), -ENOSPC, "no space left");
		assert_string_equal(entries_of(test_path("full")), rounds[i].path);
		umount(test_path("full"));
	}
	return 0;
}

static void without_space_nothing_but_the_lock_is_left(void **state)
{
	(void)state;
	assert_int_equal(mkdir(test_path("full"), 0755), 0);
	run_in_child(fail_without_space, NULL);
}

/* It listens, and says what `ls` will miss. */
static void starts_without_info(const char *name, const char *entries, const char *words)
{
	struct server s;

	server_start(&s, name);
	assert_string_equal(entries_of(s.name.directory), entries);
	if (!strstr(s.o.warning, words))
		fail_msg("\"%s\" does not say \"%s\"", s.o.warning, words);
	assert_false(s.o.wrote_info);
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

static int start_without_room_for_info(void *arg)
{
	/* Room for so many entries, or for no bytes. */
	static const struct {
		int word, path;
		const char *fill;
	} rounds[] = { { 3, 2, "" }, { 0, 0, "fill " } };

	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0)
		return 77;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++) {
		char entries[64];

		full_file_system(rounds[i].word);
		setenv("POSTERN_DIR", test_path("full"), 1);
		starts_without_info("clock", "lock sock ", "no space left");
		umount(test_path("full"));
		full_file_system(rounds[i].path);
		snprintf(entries, sizeof(entries), "%ss s.lock ", rounds[i].fill);
		starts_without_info(test_path("full/s"), entries, "no space left");
		umount(test_path("full"));
	}
	return 0;
}

static void a_server_starts_where_there_is_room_for_all_but_info(void **state)
{
	(void)state;
	assert_int_equal(mkdir(test_path("full"), 0755), 0);
	run_in_child(start_without_room_for_info, NULL);
}

static void whatever_has_the_name_of_info_keeps_no_server_from_starting(void **state)
{
	const char *taken = "another file has that name";

	(void)state;
	assert_int_equal(mkdir(test_path("s.info"), 0700), 0);
	starts_without_info(test_path("s"), "s s.info s.lock ", taken);
	assert_int_equal(rmdir(test_path("s.info")), 0);
	assert_int_equal(symlink("s.lock", test_path("s.info")), 0);
	starts_without_info(test_path("s"), "s s.info s.lock ", taken);
	unlink(test_path("s.info"));
	assert_int_equal(mkfifo(test_path("s.info"), 0600), 0);
	starts_without_info(test_path("s"), "s s.info s.lock ", taken);
	unlink(test_path("s.info"));
	write_file(test_path("s.info"), "my notes");
	starts_without_info(test_path("s"), "s s.info s.lock ", taken);
	assert_int_equal(stat_of(test_path("s.info")).st_size, 8);
	unlink(test_path("s.info"));
	assert_int_equal(mkdir(test_path("s.info.new"), 0700), 0);
	starts_without_info(test_path("s"), "s s.info.new s.lock ", "is a directory");
}

static int republish_without_space(void *arg)
{
	struct server s;

	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0)
		return 77;
	full_file_system(5);
	server_start(&s, test_path("full/s"));
	unlink(test_path("full/s"));
	unlink(test_path("full/s.info"));
	write_file(test_path("full/fill1"), "");
	write_file(test_path("full/fill2"), "");
	close(owner_renew(&s.o));
	write_file(test_path("full/fill3"), "");
	unlink(test_path("full/fill3"));
	assert_ok(server_acquire(&s));
	assert_ok(try_connect(&s.name));
	server_stop(&s);
	return 0;
}

static void a_running_server_without_room_for_info_goes_on(void **state)
{
	(void)state;
	assert_int_equal(mkdir(test_path("full"), 0755), 0);
	run_in_child(republish_without_space, NULL);
}

/* ---- system: ---- */

static int serve_for_the_system(void *arg)
{
	struct server s;

	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") < 0)
		return 77;
	umask(077);
	server_start(&s, "system:clock");
	assert_int_equal(mode_of("/run/postern"), 0755);
	assert_int_equal(mode_of("/run/postern/clock"), 0700);
	unsetenv("POSTERN_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	assert_refused("clock", -EADDRINUSE, "in use by pid"); /* root's words are the system's */
	server_stop(&s);
	server_start_mode(&s, "system:clock", 0666);
	assert_int_equal(mode_of("/run/postern/clock"), 0755);
	server_stop(&s);
	assert_int_equal(mkdir("/run/postern/given", 0755), 0);
	assert_int_equal(chown("/run/postern/given", NOBODY, NOBODY), 0);
	if (become_nobody() < 0)
		return 77;
	server_start(&s, "system:given");
	server_stop(&s);
	assert_refused("system:none", -EACCES, "tmpfiles.d: d /run/postern/none 0755 USER GROUP");
	assert_refused("system:clock", -EACCES, "permission denied");
	return 0;
}

static void a_name_of_the_system_is_below_run_postern(void **state)
{
	(void)state;
	run_in_child(serve_for_the_system, NULL);
}

static int serve_without_run_postern(void *arg)
{
	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") < 0 || become_nobody() < 0)
		return 77;
	assert_refused("system:clock", -EACCES, "tmpfiles.d: d /run/postern 0755 root root");
	return 0;
}

static void without_run_postern_the_error_says_how_to_get_it(void **state)
{
	(void)state;
	run_in_child(serve_without_run_postern, NULL);
}

/* ---- uids that stand for everybody without one ---- */

static int serve_as(uid_t uid, const char *path, const char *words)
{
	if (geteuid() != 0 || setgid(uid) < 0 || setuid(uid) < 0)
		return 77;
	assert_refused(path, -EPERM, words);
	return 0;
}

static int serve_as_unknown(void *path)
{
	return serve_as(
		65534, path,
		"this process runs as uid 65534, which stands for every user without a uid");
}

static void a_uid_that_stands_for_everybody_owns_nothing(void **state)
{
	char *path = strdup(test_path("theirs/s"));

	(void)state;
	need_root();
	assert_int_equal(mkdir(test_path("theirs"), 0755), 0);
	assert_int_equal(chmod(test_dir(), 0755), 0);
	assert_int_equal(chown(test_path("theirs"), 65534, 65534), 0);
	/* Neither to another user nor to itself, since that may be anybody. */
	assert_refused(path, -EPERM,
		       "belongs to uid 65534, which stands for every user without a uid");
	run_in_child(serve_as_unknown, path);
	free(path);
	/* Nor does it leave a lock in a directory that is everybody's. */
	assert_int_equal(mkdir(test_path("sticky"), 0755), 0);
	assert_int_equal(chmod(test_path("sticky"), 01777), 0);
	path = strdup(test_path("sticky/s"));
	run_in_child(serve_as_unknown, path);
	free(path);
	assert_string_equal(entries_of(test_path("sticky")), "");
	write_file(test_path("s.lock"), "");
	assert_int_equal(chown(test_path("s.lock"), 65534, 65534), 0);
	assert_refused(test_path("s"), -EPERM, "its uid stands for every user without a uid");
	close(foreign(test_path("t"), SOCK_STREAM, false));
	assert_int_equal(chown(test_path("t"), 65534, 65534), 0);
	assert_refused(test_path("t"), -EPERM, "belongs to uid 65534, which stands for");
}

/* The number is the kernel's to choose. */
static int read_other_numbers(void *arg)
{
	static const struct {
		const char *text;
		unsigned expected;
	} rows[] = { { "1234\n", 1234 },   { "0\n", 0 },  { "65535\n", 65535 },
		     { "65536\n", 65534 }, { "", 65534 }, { "-1\n", 65534 },
		     { "12", 65534 } };
	struct ids ids;

	(void)arg;
	if (geteuid() != 0 || private_mounts() < 0)
		return 77;
	write_file(test_path("number"), "");
	if (mount(test_path("number"), "/proc/sys/kernel/overflowuid", "none", MS_BIND, NULL) < 0)
		return 77;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		write_file(test_path("number"), rows[i].text);
		ids_read_unknown(&ids);
		assert_int_equal(ids.uid, rows[i].expected);
		assert_int_equal(ids.gid, 65534);
	}
	return 0;
}

static void which_uid_that_is_says_the_kernel(void **state)
{
	(void)state;
	run_in_child(read_other_numbers, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(modes_are_exact_whatever_the_umask),
		TEST(pain_08_threat_12_the_socket_is_never_open_wider_than_asked),
		TEST(directories_of_ours_are_widened_for_wider_access),
		TEST(access_wider_than_the_directories_above_allow_is_an_error),
		TEST(the_group_of_the_socket_can_be_chosen),
		TEST(a_group_that_we_are_not_in_is_refused),
		TEST(a_missing_directory_is_ENOENT),
		TEST(threat_10_a_directory_of_somebody_else_is_refused),
		TEST(threat_10_a_directory_that_others_can_write_to_is_refused),
		TEST(a_directory_that_a_group_can_write_to_is_warned_of),
		TEST(threat_10_symlinks_of_our_own_directories_are_refused),
		TEST(threat_10_a_symlink_at_the_name_is_refused),
		TEST(a_file_or_a_directory_at_the_name_is_refused),
		TEST(a_socket_of_somebody_else_is_refused),
		TEST(threat_10_a_lock_that_is_not_ours_is_refused),
		TEST(a_foreign_file_where_the_stale_socket_would_be_is_kept),
		TEST(no_permission_is_EACCES_and_leaves_nothing),
		TEST(without_space_nothing_but_the_lock_is_left),
		TEST(a_server_starts_where_there_is_room_for_all_but_info),
		TEST(whatever_has_the_name_of_info_keeps_no_server_from_starting),
		TEST(a_running_server_without_room_for_info_goes_on),
		TEST(a_uid_that_stands_for_everybody_owns_nothing),
		TEST(which_uid_that_is_says_the_kernel),
		TEST(a_name_of_the_system_is_below_run_postern),
		TEST(without_run_postern_the_error_says_how_to_get_it),
	};

	return test_run(tests);
}
