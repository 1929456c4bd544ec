/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition of accept4(), strlcpy() or ntohl() somewhere in the project, for systems that lack
 * it, or of close() for a test: what is known of that name is known better than what the stand-in
 * does. It is one if it takes what the original takes, as far as the facts tell.
 */

#include "model/query.h"
#include "read/source.h"

#include <string.h>

static bool standin_is_own_type(const char *type)
{
	const struct type_info *info = type ? index_type(type) : NULL;

	return info && info->source;
}

static bool standin_is_descriptor(const struct place *p)
{
	if (!p->type)
		return false;
	if (!p->stars)
		return !strcmp(p->type, "int") || !strcmp(p->type, "SOCKET");
	return !strcmp(p->type, "int") || !strcmp(p->type, "char") || !strcmp(p->type, "void") ||
	       !strcmp(p->type, "FILE");
}

static bool standin_points(const struct place *p)
{
	return p->stars || (p->flags & PLACE_ARRAY);
}

/* Bytes, or a pointer to where they are. */
static bool standin_is_memory(const struct place *p, int depth)
{
	return (p->stars > depth || (p->flags & PLACE_ARRAY)) && !standin_is_own_type(p->type);
}

static const struct place *standin_param(const struct function *target, int arg)
{
	return arg >= 1 && arg <= target->n_params ? &target->places[target->params[arg - 1]]
						   : NULL;
}

static bool standin_fits_sink(const struct function *target, const struct fact *f)
{
	const struct place *p = standin_param(target, f->arg);

	if (!p)
		return (target->flags & FUNCTION_VARIADIC) != 0;
	if (!strcmp(f->word, "length") || !strcmp(f->word, "index"))
		return !standin_points(p) && !standin_is_own_type(p->type);
	return standin_is_memory(p, 0);
}

/* The parameter is what the fact wants there. */
static bool standin_fits(const struct function *target, const struct api *api, const struct fact *f)
{
	const struct place *p = standin_param(target, f->arg), *other;

	switch (f->key) {
	case FACT_USES:
	case FACT_CLOSES:
		return p && standin_is_descriptor(p);
	case FACT_SINK:
		return standin_fits_sink(target, f);
	case FACT_COPIES:
		other = standin_param(target, f->arg2);
		if (api_is(api, ROLE(BYTEORDER) | ROLE(NUMBER)))
			return target->n_params >= 1 && other && !standin_is_own_type(other->type);
		return (f->arg < 1 || (p && standin_is_memory(p, f->depth))) &&
		       (f->arg2 < 1 || (other && standin_is_memory(other, 0)) ||
			(target->flags & FUNCTION_VARIADIC));
	case FACT_READS:
		return p && standin_points(p);
	case FACT_TERMINATES:
	case FACT_SCANS:
	case FACT_SEARCHES:
		return f->arg < 1 || (p && standin_is_memory(p, 0));
	case FACT_LENGTH:
	case FACT_BLOCKS:
		return p && !standin_points(p);
	case FACT_WAITS:
		return p != NULL;
	default:
		return true;
	}
}

/* Where the facts say nothing of the arguments: plain values alone, in C, and at most two. */
static bool standin_is_plain(const struct function *target)
{
	for (int i = 0; i < target->n_params; i++) {
		const struct place *p = &target->places[target->params[i]];

		if (standin_is_own_type(p->type) ||
		    (p->stars && !strcmp(p->type ? p->type : "", "FILE")))
			return false;
	}
	return target->n_params <= 2 && target->source->language == SOURCE_C;
}

static bool standin_has_shape(enum fact_key key)
{
	return key == FACT_USES || key == FACT_CLOSES || key == FACT_SINK || key == FACT_COPIES ||
	       key == FACT_READS || key == FACT_TERMINATES || key == FACT_SCANS ||
	       key == FACT_SEARCHES || key == FACT_LENGTH || key == FACT_BLOCKS ||
	       key == FACT_WAITS;
}

/* opens=fd and no argument that must be open: socket(), dup() of what is not known. */
static bool standin_opens(const struct function *target)
{
	const struct place *first = standin_param(target, 1);

	return !first || standin_is_descriptor(first);
}

/*
 * A library whose functions are defined here by the dozen is the project itself, and what it does is
 * seen; one or two of them are for a test.
 */
enum { STANDIN_OWN = 8, STANDIN_LIBRARIES = 16 };

static struct {
	const char *prefix;
	int n;
} standin_libraries[STANDIN_LIBRARIES];

static const char *standin_prefix(const char *name)
{
	return intern(name, strcspn(name, "_"));
}

void standins_find(void)
{
	memset(standin_libraries, 0, sizeof(standin_libraries));
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];
		const struct api *api = fn->class_name || (fn->flags & FUNCTION_STATIC)
						? NULL
						: kb_function(fn->name);
		const char *prefix = api && !api->system ? standin_prefix(fn->name) : NULL;

		for (int i = 0; prefix && i < STANDIN_LIBRARIES; i++) {
			if (standin_libraries[i].prefix && standin_libraries[i].prefix != prefix)
				continue;
			standin_libraries[i].prefix = prefix;
			standin_libraries[i].n++;
			break;
		}
	}
}

static bool standin_is_library_itself(const char *name)
{
	const char *prefix = standin_prefix(name);

	for (int i = 0; i < STANDIN_LIBRARIES; i++)
		if (standin_libraries[i].prefix == prefix)
			return standin_libraries[i].n >= STANDIN_OWN;
	return false;
}

bool standin_is(const struct call *call, const struct function *target, const struct api *api)
{
	bool shape = false, held = false;

	if (!api)
		return false;
	/* Of a library: its names have its prefix, and nobody else's function has them. */
	if (!api->system)
		return !(target->flags & FUNCTION_STATIC) && !standin_is_library_itself(call->name);
	if (api_fact(api, FACT_NORETURN) ||
	    (target->n_params != call->n_args &&
	     !((target->flags & FUNCTION_VARIADIC) && call->n_args >= target->n_params)))
		return false;
	for (size_t i = 0; i < api->n_facts; i++) {
		const struct fact *f = &api->facts[i];

		held |= f->key == FACT_USES || f->key == FACT_CLOSES || f->key == FACT_OPENS ||
			f->key == FACT_BLOCKS;
		shape |= standin_has_shape((enum fact_key)f->key);
		if (!standin_fits(target, api, f))
			return false;
	}
	/* listen() that is static is what that file means by it. */
	if ((target->flags & FUNCTION_STATIC) && (held || !shape))
		return false;
	if (held && api_fact(api, FACT_OPENS) && !shape)
		return standin_opens(target);
	return shape || held || standin_is_plain(target);
}
