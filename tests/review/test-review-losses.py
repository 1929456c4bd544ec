#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Losses that are slight by the way that leads there, each with its twin. TAP.

    test-review-losses.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reviewing import Run, expect_equal, put, run_tests, test  # noqa: E402

HEAD = '''#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
'''
LOSSES = [
    ('an option is given once', 'one.c', 'L1', 'advice', '''
int main(int argc, char **argv)
{
	char byte;
	int c, fd = -1;

	while ((c = getopt(argc, argv, "f:")) != -1)
		if (c == 'f' && (fd = open(optarg, O_RDONLY | O_CLOEXEC)) < 0)
			return 1;
	c = fd < 0 || read(fd, &byte, 1) != 1;
	if (fd >= 0)
		close(fd);
	return c;
}
'''),
    ('… a line comes again', 'one.c', 'L1', 'error', '''
int main(void)
{
	char line[100], byte;
	int fd = -1;

	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == 'f' && (fd = open(line, O_RDONLY | O_CLOEXEC)) < 0)
			return 1;
		if (fd >= 0 && read(fd, &byte, 1) != 1)
			break;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}
'''),
    ('it is for the program that execv() starts', 'one.c', 'L1', 'advice', '''
int again(const char *path, char *const words[])
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	execv(words[0], words);
	return -1;
}
'''),
    ('nothing in the program catches what is thrown', 'one.cpp', 'L1', 'advice', '''
static int kind(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return -1;
	if (read(fd, &byte, 1) != 1)
		throw "nothing there";
	close(fd);
	return byte;
}
int main(int, char **argv)
{
	for (;;)
		sleep((unsigned)kind(argv[1]));
}
'''),
    ('… main() does', 'one.cpp', 'L1', 'error', '''
static int kind(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return -1;
	if (read(fd, &byte, 1) != 1)
		throw "nothing there";
	close(fd);
	return byte;
}
int main(int, char **argv)
{
	for (;;)
		try {
			sleep((unsigned)kind(argv[1]));
		} catch (const char *text) {
			puts(text);
		}
}
'''),
    ('the object of a stream that was closed under a second name', 'one.c', 'L1', 'advice', '''
#include <gio/gio.h>
int put(GFile *to, const char *text, gsize n)
{
	GFileOutputStream *file = g_file_replace(to, NULL, FALSE, G_FILE_CREATE_NONE, NULL, NULL);
	GOutputStream *out = G_OUTPUT_STREAM(file);

	if (!file)
		return -1;
	g_output_stream_write_all(out, text, n, NULL, NULL, NULL);
	g_output_stream_close(out, NULL, NULL);
	return 0;
}
'''),
    ('a variable of the program has the only object', 'one.cpp', 'L1', 'advice', '''
class Meter {
public:
	static Meter *instance();
	Meter *another();
	int value();

private:
	Meter();
	~Meter();
	int m_fd;
	static Meter *s_meter;
};
Meter *Meter::s_meter = nullptr;
Meter::Meter()
{
	m_fd = open("/dev/meter", O_RDONLY | O_CLOEXEC);
}
Meter::~Meter()
{
}
int Meter::value()
{
	char byte;

	return read(m_fd, &byte, 1) == 1 ? byte : -1;
}
Meter *Meter::instance()
{
	if (!s_meter)
		s_meter = new Meter;
	return s_meter;
}
'''),
    ('… and whoever asks gets another one', 'one.cpp', 'L1', 'error', '''
class Meter {
public:
	static Meter *instance();
	Meter *another();
	int value();

private:
	Meter();
	~Meter();
	int m_fd;
	static Meter *s_meter;
};
Meter *Meter::s_meter = nullptr;
Meter::Meter()
{
	m_fd = open("/dev/meter", O_RDONLY | O_CLOEXEC);
}
Meter::~Meter()
{
}
int Meter::value()
{
	char byte;

	return read(m_fd, &byte, 1) == 1 ? byte : -1;
}
Meter *Meter::instance()
{
	if (!s_meter)
		s_meter = new Meter;
	return s_meter;
}
Meter *Meter::another()
{
	return new Meter;
}
'''),
    ('only a buffer that cannot grow leads there', 'one.c', 'L7', 'advice', '''
#include <dirent.h>
char *names(const char *path)
{
	DIR *dir = opendir(path);
	char *all = NULL;
	size_t n = 0;

	if (!dir)
		return NULL;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char *more = realloc(all, n + 1);

		if (!more)
			return all;
		all = more;
		all[n++] = *entry->d_name;
	}
	closedir(dir);
	return all;
}
'''),
    ('… and under its own', 'one.c', 'L1', 'advice', '''
#include <glib.h>
int put(int fd, const char *text, gssize n)
{
	GIOChannel *out = g_io_channel_unix_new(fd);

	g_io_channel_write_chars(out, text, n, NULL, NULL);
	g_io_channel_shutdown(out, TRUE, NULL);
	return 0;
}
'''),
    ('a thread that main() starts once', 'one.c', 'L1', 'advice', '''
static void *hear(void *unused)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	while (s >= 0 && recv(s, &byte, 1, 0) == 1)
		putchar(byte);
	return unused;
}
int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, hear, NULL))
		return 1;
	return pthread_join(thread, NULL);
}
'''),
    ('… and one for each connection', 'one.c', 'L1', 'error', '''
static void *hear(void *unused)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	while (s >= 0 && recv(s, &byte, 1, 0) == 1)
		putchar(byte);
	return unused;
}
int main(void)
{
	pthread_t thread;
	int fd;

	while ((fd = accept4(3, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		close(fd);
		if (pthread_create(&thread, NULL, hear, NULL) == 0)
			pthread_detach(thread);
	}
	return 0;
}
'''),
    ('a thread that never ends cannot be joined', 'one.c', 'L7', 'advice', '''
static void *beat(void *unused)
{
	for (;;)
		sleep(1);
	return unused;
}
void start(int yes)
{
	pthread_t thread;

	if (yes)
		pthread_create(&thread, NULL, beat, NULL);
}
int main(void)
{
	for (int fd; (fd = accept4(3, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd))
		start(fd > 3);
}
'''),
    ('… one that does is', 'one.c', 'L7', 'warning', '''
static void *beat(void *unused)
{
	sleep(1);
	return unused;
}
void start(int yes)
{
	pthread_t thread;

	if (yes)
		pthread_create(&thread, NULL, beat, NULL);
}
int main(void)
{
	for (int fd; (fd = accept4(3, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd))
		start(fd > 3);
}
'''),
    ('what belongs to a connection is in a table, under its number', 'one.c', 'L3', 'none', '''
struct client { int asked; };
static struct client *clients[64];
void serve(int door)
{
	int fd;

	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (fd >= 64) {
			close(fd);
			continue;
		}
		clients[fd] = calloc(1, sizeof(*clients[fd]));
	}
}
'''),
    ('… in a function that is given the number', 'one.c', 'L3', 'none', '''
static char states[64];
static void note(int number)
{
	states[number] = 'r';
}
void serve(int door)
{
	int fd;

	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		note(fd);
}
'''),
    ('… and only what it has sent is in one', 'one.c', 'L3', 'error', '''
static char states[64];
void serve(int door, int n)
{
	int fd;

	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (read(fd, &states[n], 1) == 1)
			states[n] = 'r';
}
'''),
    ('a table that is full', 'one.c', 'L3', 'none', '''
struct entry { int fd; };
void serve(int door)
{
	struct entry table[32];
	int i, fd;

	for (i = 0; i < 32; i++)
		table[i].fd = -1;
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		for (i = 1; i < 32; i++)
			if (table[i].fd == -1) {
				table[i].fd = fd;
				break;
			}
		if (i == 32)
			close(fd);
	}
}
'''),
    ('… is not looked at', 'one.c', 'L3', 'error', '''
struct entry { int fd; };
void serve(int door)
{
	struct entry table[32];
	int i, fd;

	for (i = 0; i < 32; i++)
		table[i].fd = -1;
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		for (i = 1; i < 32; i++)
			if (table[i].fd == -1) {
				table[i].fd = fd;
				break;
			}
		if (i == 31)
			close(fd);
	}
}
'''),
    ('what was accepted has not the number of the listener', 'one.c', 'L1', 'none', '''
struct door { int fd, stream; };
int hear(struct door *door, char *byte)
{
	int fd = door->fd;
	ssize_t n;

	if (door->stream) {
		fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return -1;
	}
	n = read(fd, byte, 1);
	if (fd != door->fd)
		close(fd);
	return n == 1;
}
'''),
    ('… but it may have that of another', 'one.c', 'L1', 'error', '''
struct door { int fd, stream, last; };
int hear(struct door *door, char *byte)
{
	int fd = door->fd;
	ssize_t n;

	if (door->stream) {
		fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return -1;
	}
	n = read(fd, byte, 1);
	if (fd != door->last)
		close(fd);
	return n == 1;
}
'''),
    ('pthread_mutex_lock() never gives a number below 0', 'one.c', 'L4', 'none', '''
int put(pthread_mutex_t *lock, int fd)
{
	if (pthread_mutex_lock(lock) < 0)
		close(fd);
	pthread_mutex_unlock(lock);
	return close(fd);
}
'''),
    ('… but one that is not 0', 'one.c', 'L4', 'error', '''
int put(pthread_mutex_t *lock, int fd)
{
	if (pthread_mutex_lock(lock) != 0)
		close(fd);
	pthread_mutex_unlock(lock);
	open("/run/door", O_RDONLY | O_CLOEXEC);
	return close(fd);
}
'''),
    ('what decided on opening it decides on closing it', 'one.c', 'L1', 'none', '''
struct job { int kind; const char *path; };
int pack(const char *path);
void note(struct job *job);
int run(struct job *job)
{
	FILE *f = NULL;

	if (job->kind == 2 || job->kind == 3) {
		if (pack(job->path) < 0)
			return -1;
	} else if (!(f = fopen(job->path, "we"))) {
		return -1;
	}
	if (f)
		fputs(job->path, f);
	note(job);
	if (job->kind == 2 || job->kind == 3)
		puts("packed");
	else
		fclose(f);
	return 0;
}
'''),
    ('… unless it has changed', 'one.c', 'L1', 'error', '''
struct job { int kind; const char *path; };
int pack(const char *path);
void note(struct job *job);
int run(struct job *job)
{
	FILE *f = NULL;

	if (job->kind == 2 || job->kind == 3) {
		if (pack(job->path) < 0)
			return -1;
	} else if (!(f = fopen(job->path, "we"))) {
		return -1;
	}
	if (f)
		fputs(job->path, f);
	job->kind = pack(job->path);
	if (job->kind == 2 || job->kind == 3)
		puts("packed");
	else
		fclose(f);
	return 0;
}
'''),
    ('only a kind that comes twice loses the text', 'one.c', 'L7', 'advice', '''
char *hear(int s, char *kind)
{
	char *text = NULL;

	while (recv(s, kind, 1, 0) == 1)
		switch (*kind) {
		case 1:
			send(s, kind, 1, MSG_NOSIGNAL);
			break;
		case 2:
			text = malloc(100);
			break;
		}
	free(text);
	return NULL;
}
'''),
    ('… and each turn does', 'one.c', 'L7', 'warning', '''
char *hear(int s, char *kind)
{
	char *text = NULL;

	while (recv(s, kind, 1, 0) == 1)
		text = malloc(100);
	free(text);
	return NULL;
}
'''),
    ('a lock is held through it, and the end of the function is that of both ways', 'one.c', 'L1', 'none', '''
void alone(const char *path, int *first)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	if (lockf(fd, F_TLOCK, 0))
		puts("there is one");
	else
		*first = 1;
}
'''),
    ('it says that the call does not come back', 'one.c', 'L4', 'none', '''
void hand_over(FILE *queue);
void run(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	if (fgetc(f) == 'x') {
		fclose(f);
		hand_over(NULL);
		/* NOTREACHED */
	}
	fclose(f);
}
'''),
    ('… and something else', 'one.c', 'L4', 'error', '''
void hand_over(FILE *queue);
void run(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	if (fgetc(f) == 'x') {
		fclose(f);
		hand_over(NULL);
		/* not reached before */
	}
	fclose(f);
}
'''),
    ('nobody makes an object of the class, or of one that derives from it', 'one.cpp', 'L1', 'advice', '''
struct Failed { int number; };
class Door {
public:
	explicit Door(const struct sockaddr *at);
	~Door();
protected:
	int handle = -1;
};
class Gate : public Door {
public:
	explicit Gate(const struct sockaddr *at);
};
Door::Door(const struct sockaddr *at)
{
	handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(handle, at, 16) < 0)
		throw Failed{1};
}
Door::~Door() { close(handle); }
Gate::Gate(const struct sockaddr *at) : Door(at) {}
int main()
{
	try {
		pause();
	} catch (...) {
	}
	return 0;
}
'''),
    ('… and somebody makes one', 'one.cpp', 'L1', 'error', '''
struct Failed { int number; };
class Door {
public:
	explicit Door(const struct sockaddr *at);
	~Door();
protected:
	int handle = -1;
};
class Gate : public Door {
public:
	explicit Gate(const struct sockaddr *at);
};
Door::Door(const struct sockaddr *at)
{
	handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(handle, at, 16) < 0)
		throw Failed{1};
}
Door::~Door() { close(handle); }
Gate::Gate(const struct sockaddr *at) : Door(at) {}
int main()
{
	for (;;) {
		try {
			struct sockaddr at = {};
			Gate gate(&at);
			pause();
		} catch (...) {
		}
	}
	return 0;
}
'''),
    ('a signal is the last thing that its object does', 'one.cpp', 'L4', 'advice', '''
class Job : public QObject {
	Q_OBJECT
public:
	void run(int n)
	{
		if (n > 1) {
			emit done();
			return;
		}
		emit done();
	}
signals:
	void done();
};
class Owner : public QObject {
	Q_OBJECT
public:
	void start(int n)
	{
		job = new Job;
		connect(job, &Job::done, this, &Owner::ended);
		job->run(n);
	}
	void ended() { delete job; }
private:
	Job *job;
};
'''),
    ('… and its caller hears of it', 'one.cpp', 'L4', 'error', '''
class Job : public QObject {
	Q_OBJECT
public:
	bool run(int n)
	{
		if (n > 1)
			return true;
		emit done();
		return false;
	}
signals:
	void done();
};
class Owner : public QObject {
	Q_OBJECT
public:
	void start(int n)
	{
		job = new Job;
		connect(job, &Job::done, this, &Owner::ended);
		if (!job->run(n))
			job->deleteLater();
	}
	void ended() { delete job; }
private:
	Job *job;
};
'''),
    ('… and is not', 'one.cpp', 'L4', 'error', '''
class Job : public QObject {
	Q_OBJECT
public:
	void run(int n)
	{
		if (n > 1)
			emit done();
		left = 0;
	}
signals:
	void done();
private:
	int left;
};
class Owner : public QObject {
	Q_OBJECT
public:
	void start(int n)
	{
		job = new Job;
		connect(job, &Job::done, this, &Owner::ended);
		job->run(n);
	}
	void ended() { delete job; }
private:
	Job *job;
};
'''),
    ('a child of fork() ends right after it', 'one.c', 'L7', 'advice', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			talk(s);
			close(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… and a server goes on', 'one.c', 'L7', 'warning', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		talk(s);
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… a child serves in a loop', 'one.c', 'L7', 'warning', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			while (read(s, &door, 1) == 1)
				talk(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… a table names it as well', 'one.c', 'L7', 'warning', '''static int talk(int s);
struct command { int (*run)(int); } talks[] = { { talk } };
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			talk(s);
			close(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('a child of fork() ends right after it', 'one.c', 'L1', 'advice', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			talk(s);
			close(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… and a server goes on', 'one.c', 'L1', 'error', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		talk(s);
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… a child serves in a loop', 'one.c', 'L1', 'error', '''
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			while (read(s, &door, 1) == 1)
				talk(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('… a table names it as well', 'one.c', 'L1', 'error', '''static int talk(int s);
struct command { int (*run)(int); } talks[] = { { talk } };
static int talk(int s)
{
	char *line = malloc(100);
	int log = open("/var/log/door", O_WRONLY | O_CLOEXEC);

	if (!line || log < 0)
		exit(1);
	if (read(s, line, 100) <= 0)
		return -1;
	return write(log, line, 1) == 1;
}
int main(void)
{
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	if (door < 0)
		return 1;
	listen(door, 8);
	while ((s = accept(door, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			talk(s);
			close(s);
			exit(0);
		}
		close(s);
	}
	close(door);
	return 0;
}
'''),
    ('the process ends behind what is dropped', 'one.c', 'L3', 'advice', '''
void last(int door)
{
	accept(door, NULL, NULL);
	_exit(0);
}
'''),
    ('… and does not', 'one.c', 'L1', 'error', '''
void last(int door)
{
	accept(door, NULL, NULL);
	close(door);
}
'''),
    ('a child of fork() has closed it first', 'one.c', 'L4', 'advice', '''
int start(int kind, void (*child)(void))
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	if (fork() == 0) {
		if (dup2(ends[1], 1) < 0)
			exit(1);
		close(ends[1]);
		child();
	}
	close(ends[1]);
	return ends[0];
}
'''),
    ('… by another name', 'one.c', 'L4', 'advice', '''
static pid_t twin(void)
{
	pid_t child = fork();

	if (child < 0)
		exit(1);
	return child;
}

int start(int kind, void (*child)(void))
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	if (twin() == 0) {
		if (dup2(ends[1], 1) < 0)
			exit(1);
		close(ends[1]);
		child();
	}
	close(ends[1]);
	return ends[0];
}
'''),
    ('… and nobody forks', 'one.c', 'L4', 'error', '''
int start(int kind, void (*child)(void))
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	if (kind == 0) {
		if (dup2(ends[1], 1) < 0)
			exit(1);
		close(ends[1]);
		child();
	}
	close(ends[1]);
	return ends[0];
}
'''),
    ('what getaddrinfo() gives has an address', 'one.c', 'L7', 'none', '''#include <netdb.h>

int find(const char *host, struct sockaddr_storage *to)
{
	struct addrinfo *list = NULL;

	if (getaddrinfo(host, "80", NULL, &list) != 0)
		return -1;
	if (list == NULL || list->ai_addr == NULL)
		return -1;
	memcpy(to, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}
'''),
    ('… and no name', 'one.c', 'L7', 'warning', '''#include <netdb.h>

int find(const char *host, struct sockaddr_storage *to)
{
	struct addrinfo *list = NULL;

	if (getaddrinfo(host, "80", NULL, &list) != 0)
		return -1;
	if (list == NULL || list->ai_canonname == NULL)
		return -1;
	memcpy(to, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}
'''),
    ('assert() calls it', 'one.c', 'L1', 'advice', '''#include <assert.h>

static bool lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (lockf(fd, F_LOCK, 0) < 0)
		return false;
	keep_lock(fd);
	return true;
}
void begin(const char *path)
{
	assert(lock(path));
}
'''),
    ('… and asks later', 'one.c', 'L1', 'error', '''#include <assert.h>

static bool lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (lockf(fd, F_LOCK, 0) < 0)
		return false;
	keep_lock(fd);
	return true;
}
void begin(const char *path)
{
	bool done = lock(path);

	assert(done);
}
'''),
]


@test
def what_a_way_costs_that_hardly_any_run_takes_is_advice():
    for what, path, rule, severity, text in LOSSES:
        put(os.path.join('all', path), HEAD + text)
        got = {f['severity'] for f in Run('--format', 'json', os.path.join('all', path)).json()['findings']
               if f['rule'] == rule}
        expect_equal(got or {'none'}, {severity}, what)


if __name__ == '__main__':
    sys.exit(run_tests())
