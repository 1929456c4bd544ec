/* SPDX-License-Identifier: Apache-2.0 */
/* shape-make.h - tables of interfaces from a seed, and texts that fit them, or nearly */
#pragma once

#include <postern/interface.h>

#include "json-make.h"

enum { SHAPE_MAKE_TYPES = 200, SHAPE_MAKE_FIELDS = 1000 };

struct shape_make {
	struct json_make json; /* .seed, and the text */
	unsigned types, fields, unknown;
	struct postern_type type[SHAPE_MAKE_TYPES];
	struct postern_field field[SHAPE_MAKE_FIELDS];
	uint16_t sorted[SHAPE_MAKE_FIELDS];
};

/* A struct with others in it, and itself. It stays until the next call. */
const struct postern_type *shape_make_type(struct shape_make *m);
/* A text for it. flaws: about one value in so many is of another type, missing, twice or unknown; 0: none. */
void shape_make_text(struct shape_make *m, const struct postern_type *type, unsigned flaws);
