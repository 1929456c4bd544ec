/* Streams and directories: each has its end. */
#define _GNU_SOURCE
#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

long size(const char *path)
{
	FILE *file = fopen(path, "re");
	long end = -1;

	if (!file)
		return -1;
	if (fseek(file, 0, SEEK_END) == 0)
		end = ftell(file);
	fclose(file);
	return end;
}

char *whole(const char *path, size_t *n)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;

	if (!file)
		return NULL;
	if (getdelim(&text, n, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

int mounted(const char *directory)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int found = 0;

	if (!table)
		return -1;
	while ((entry = getmntent(table)))
		found |= entry->mnt_dir == directory;
	endmntent(table);
	return found;
}

/* The descriptor is the directory's. */
int same(const char *path, struct stat *status)
{
	DIR *directory = opendir(path);
	int r;

	if (!directory)
		return -1;
	r = fstat(dirfd(directory), status);
	rewinddir(directory);
	closedir(directory);
	return r;
}

/* The old stream is closed whether the new one opens or not. */
int again(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return -1;
	file = freopen(path, "we", file);
	if (!file)
		return -1;
	fclose(file);
	return 0;
}
