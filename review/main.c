/* SPDX-License-Identifier: Apache-2.0 */
/* The reviewer alone, without the rest of the command. */

#include "review.h"

int main(int argc, char **argv)
{
	return review_main(argc, argv);
}
