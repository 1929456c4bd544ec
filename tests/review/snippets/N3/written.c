/* Buffers that a function empties and writes itself, and records of the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct page {
	const char *folder;
	int number;
};

/* `name` is where the result goes. */
static char *page_name(const struct page *page, char *name, size_t size)
{
	struct stat info;

	name[0] = '\0';
	if (page->number < 0)
		return NULL;
	snprintf(name, size, "%s/%d.html", page->folder, page->number);
	return stat(name, &info) == 0 ? name : NULL;
}

/* `name` is what the result is made of. */
static char *page_named(const struct page *page, char *name, size_t size)
{
	struct stat info;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", page->folder, name);
	if (stat(path, &info) != 0) // N3
		return NULL;
	snprintf(name, size, "%s", path);
	return name;
}

int good_page(int fd, const struct page *page)
{
	char text[256];
	const char *name;

	if (recv(fd, text, 5, MSG_PEEK) == 5 && text[0] == 0x16)
		return -1;
	name = page_name(page, text, sizeof(text));
	return name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
}

int bad_page(int fd, const struct page *page)
{
	char text[256];
	const char *name;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	name = page_named(page, text, sizeof(text));
	return name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
}

static void show(const char *folder, const char *name)
{
	char path[512];
	struct stat info;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (stat(path, &info) == 0)
		printf("%s %lld\n", path, (long long)info.st_size);
}

void good_events(int watch, const char *folder)
{
	char bytes[4096];
	ssize_t n = read(watch, bytes, sizeof(bytes));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

		if (event->len > 0)
			show(folder, event->name);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}
