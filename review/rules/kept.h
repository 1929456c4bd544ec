/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_KEPT_H
#define REVIEW_KEPT_H

#include "rules/rules.h"

/*
 * The call keeps its argument number `arg`, a connection, and nobody takes it back or ends it: it
 * goes into a container of the class from which nothing is taken, or a method of the project puts it
 * into a member that its class does not end.
 */
bool kept_for_ever(const struct function *fn, const struct item *item, int arg);

/* kept.c: a method of that name puts something into a container. */
bool kept_puts(const char *name);
/* It is declared as a container of plain pointers: QVector<QLocalSocket *> m_all; */
bool kept_holds_pointers(const struct function *fn, const struct place *container);

/* object.c: the callee does more with its argument than use it, as far as is known. */
bool object_is_taken(const struct call *call, int arg);
/* Some method of the class of fn, other than `except`, can end what the member points to. */
bool object_is_ended(const struct function *fn, const char *member, const struct function *except);
/* Some function that belongs together with fn deletes connections. */
bool object_class_deletes(const struct function *fn);

#endif
