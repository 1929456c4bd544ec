/* Functions that nobody defines: the words of their names say whether they come back. */
#include <fcntl.h>
#include <unistd.h>

struct box;

static int opened(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

int does_not_return(const char *path, int how)
{
	int fd = opened(path);

	if (fd < 0)
		return -1;
	if (how == 1)
		my_die("one");
	else if (how == 2)
		log_fatal_errno(how, "two");
	else if (how == 3)
		FatalError("three");
	else if (how == 4)
		DieWithError("four");
	else if (how == 5)
		kernelPanic(how);
	else if (how == 6)
		do_abort();
	else if (how == 7)
		clean_exit(1);
	else if (how == 8)
		print_and_exit("eight");
	else if (how == 9)
		HTTPFatal(how);
	else if (how == 10)
		xabort("ten");
	else if (how == 11)
		APP_FATAL("eleven");
	else if (how == 12)
		die2("twelve");
	else
		return close(fd);
	return 0;
}

int no_such_word(const char *path, int how)
{
	int fd = opened(path);

	if (fd < 0)
		return -1;
	if (how == 1) {
		audience(how);
		return 1; /* L1 */
	}
	if (how == 2) {
		studied(how);
		return 2; /* L1 */
	}
	if (how == 3) {
		remedies_fatality(how);
		return 3; /* L1 */
	}
	if (how == 4) {
		exits(how);
		return 4; /* L1 */
	}
	return close(fd);
}

int only_sometimes(const char *path, int how)
{
	int fd = opened(path);

	if (fd < 0)
		return -1;
	if (how == 1) {
		die_if(how > 5, "one");
		return 1; /* L1 */
	}
	if (how == 2) {
		set_exit_code(how);
		return 2; /* L1 */
	}
	if (how == 3) {
		note_nonfatal("three");
		return 3; /* L1 */
	}
	if (how == 4) {
		log_non_fatal("four");
		return 4; /* L1 */
	}
	return close(fd);
}

int done_to_something(const char *path, struct box *box, int how)
{
	int fd = opened(path);

	if (fd < 0)
		return -1;
	box_init(box);
	if (how == 1) {
		box_abort(box);
		return 1; /* L1 */
	}
	if (how == 2) {
		box_exit();
		return 2; /* L1 */
	}
	if (how == 3)
		box_abort(box, "three");
	return close(fd);
}
