/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review.c - postern review: the reviewer, or how to get it
 *
 * The reviewer is a separate program that shares nothing with the rest of the command; it has its own
 * options, and is left out if its parser is missing when the command is built.
 */
#include "command.h"

#ifdef POSTERN_HAVE_REVIEW
#include "review.h"

int command_review(int argc, char **argv)
{
	static char name[] = "postern review";

	argv[0] = name;
	return review_main(argc, argv);
}

void command_review_complete(void)
{
	review_complete();
}
#else
void command_review_complete(void)
{
}

int command_review(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	output_error(
		"review", NULL,
		"this build has no reviewer, because its parser (tree-sitter) was missing; run make in the source tree");
	return EXIT_NO_SERVER;
}
#endif
