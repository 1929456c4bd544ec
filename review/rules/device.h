/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_DEVICE_H
#define REVIEW_DEVICE_H

#include "rules/rules.h"

/*
 * W1: the loop fills a container with what a connection of Qt gives, and nothing that a hung up peer
 * causes leads out of it: waitForReadyRead() fails at once, and what is read is empty.
 */
void device_loop(struct function *fn, int number);

#endif
