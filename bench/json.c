/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast JSON is checked: megabytes a second of CPU time, of messages as services send them, and of a text that is almost
 * only one string. Each line that is printed is a round; bench/run.py takes the quartiles.
 */
#include <errno.h>
#include <postern.h>
#include <postern/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JSON_STRING = 16 * 1024, JSON_ROUND_MS = 50 };

static const char json_typical[] =
	"{\"method\":\"io.systemd.UserDatabase.GetUserRecord\",\"parameters\":{\"uid\":1000,\"userName\":\"lennart\","
	"\"service\":\"io.systemd.Multiplexer\",\"record\":{\"userName\":\"lennart\",\"realName\":\"Jos\xc3\xa9 \\\"J\\\" P.\","
	"\"uid\":1000,\"gid\":1000,\"homeDirectory\":\"/home/lennart\",\"shell\":\"/bin/bash\",\"memberOf\":[\"wheel\","
	"\"audio\",\"video\"],\"disposition\":\"regular\",\"lastChangeUSec\":1732884000123456,\"locked\":false,"
	"\"rebalanceWeight\":100,\"diskSize\":8589934592,\"load\":[0.42,1.5,12.25],\"status\":{\"state\":\"active\","
	"\"goodAuthenticationCounter\":17,\"lastGoodAuthenticationUSec\":1732883000000000,\"signedLocally\":true}},"
	"\"incomplete\":false}}";

static double json_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double json_rate(const char *text, size_t n)
{
	double begin = json_now(), spent;
	size_t checked = 0;
	struct postern_json value;

	do {
		for (int i = 0; i < 100; i++) {
			if (postern_json_check(text, n, &value, NULL) < 0 || value.n != n) {
				fputs("bench-json: its own text is refused\n", stderr);
				exit(EXIT_FAILURE);
			}
			checked += n;
		}
		spent = json_now() - begin;
	} while (spent * 1000 < JSON_ROUND_MS);
	return (double)checked / spent / 1e6;
}

int main(int argc, char **argv)
{
	static char string[JSON_STRING];
	int rounds = argc > 1 ? atoi(argv[1]) : 10;

	memset(string, 'x', sizeof(string));
	string[0] = string[sizeof(string) - 1] = '"';
	for (int i = 0; i < rounds; i++) {
		double typical = json_rate(json_typical, sizeof(json_typical) - 1);

		printf("{\"typical\": %.1f, \"strings\": %.1f}\n", typical,
		       json_rate(string, sizeof(string)));
	}
	return 0;
}
