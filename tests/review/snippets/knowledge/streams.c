/* Streams and directories: each is lost on a way out, or used after its end. */
#define _GNU_SOURCE
#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

long size(const char *path)
{
	FILE *file = fopen(path, "re");
	long end;

	if (!file)
		return -1;
	if (fseek(file, 0, SEEK_END) < 0)
		return -1; // L1
	end = ftell(file);
	fclose(file);
	return end;
}

int number(const char *path, int *value)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return -1;
	if (fscanf(file, "%d", value) != 1)
		return -1; // L1
	fclose(file);
	return 0;
}

int first(const char *path)
{
	FILE *file = fopen(path, "re");
	int c;

	if (!file)
		return -1;
	fclose(file);
	c = getc(file); // L4
	return c;
}

int mounted(const char *directory)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;

	if (!table)
		return -1;
	while ((entry = getmntent(table)))
		if (entry->mnt_dir == directory)
			return 1; // L1
	endmntent(table);
	return 0;
}

int same(const char *path, struct stat *status)
{
	DIR *directory = opendir(path);

	if (!directory)
		return -1;
	if (fstat(dirfd(directory), status) < 0)
		return -1; // L7
	rewinddir(directory);
	closedir(directory);
	return 0;
}
