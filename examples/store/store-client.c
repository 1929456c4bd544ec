/* SPDX-License-Identifier: Apache-2.0 */
/* store-client NAME get|set|delete|open|import|watch|dump [KEY [VALUE [MILLISECONDS]]]: asks a service of org.example.store.
   open and import pass the value as a file; watch prints each change, until the service ends. */
#define _GNU_SOURCE 1 /* memfd_create() */
#include "org.example.store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[2] : "", *key = argc > 3 ? argv[3] : "";
	const char *value = argc > 4 ? argv[4] : "";
	struct store_Get_in get = { .key = key };
	struct store_Set_in set = { key, value, { argc > 5 ? atoll(argv[5]) : 0, argc > 5 } };
	struct store_Delete_in del = { .key = key };
	struct store_Open_in open = { .key = key };
	struct store_Import_in file = { .key = key, .fileDescriptor = 0 };
	struct store_Get_out got;
	struct store_Open_out opened;
	struct store_Watch_out change;
	POSTERN_AUTO(caller) c = NULL;
	POSTERN_AUTO(client) dump = NULL;
	const int64_t limit = POSTERN_SECONDS(5);
	char bytes[65536];
	ssize_t n = -1;

	if (argc < 3 || postern_caller_new(&c, NULL, argv[1], NULL) < 0)
		return 64;
	if (!strcmp(verb, "get") && (n = store_Get_wait(c, &get, &got, limit)) == 0)
		puts(got.value);
	else if (!strcmp(verb, "set"))
		n = store_Set_wait(c, &set, limit);
	else if (!strcmp(verb, "delete"))
		n = store_Delete_wait(c, &del, limit);
	else if (!strcmp(verb, "open") && (n = store_Open_wait(c, &open, &opened, limit)) == 0) {
		int fd = postern_caller_take_fd(c, opened.fileDescriptor);

		while ((n = fd < 0 ? fd : read(fd, bytes, sizeof bytes)) > 0)
			fwrite(bytes, 1, (size_t)n, stdout);
	} else if (!strcmp(verb, "import")) {
		int fd = memfd_create("value", MFD_CLOEXEC);

		n = write(fd, value, strlen(value)) < (ssize_t)strlen(value) ? -1 : 0;
		if (n == 0)
			n = store_Import_wait(c, &file, &fd, 1, limit);
		else
			close(fd);
	} else if (!strcmp(verb, "watch")) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		n = store_Watch_wait_more(c, &change, limit) < 0 ? -1 : 1;
		for (; n > 0; n = store_Watch_next(c, &change, POSTERN_FOREVER))
			printf("%s=%s\n", change.key ? change.key : "",
			       change.value ? change.value : "");
	} else if (!strcmp(verb, "dump") && (n = store_Dump_wait_upgrade(&dump, c, limit)) == 0)
		while ((n = postern_client_read(dump, bytes, sizeof bytes, limit)) > 0)
			fwrite(bytes, 1, (size_t)n, stdout);
	if (n < 0)
		fprintf(stderr, "store-client: %s\n", postern_why()->text);
	return n < 0;
}
