/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.c - the two interfaces that every service has: org.varlink.service and io.postern
 *
 * The first is the specification's (UAPI.20), word for word where it is declared: peers compare it. The second
 * has no methods, only the errors that the library answers with by itself; it is listed and described, so that whoever gets
 * one can look it up.
 */
#include <string.h>

#include "service/service.h"

static const char builtin_service_text[] =
	"# The Varlink Service Interface should be provided by every varlink service.\n"
	"# It describes the service and the interfaces it implements.\n"
	"interface org.varlink.service\n"
	"\n"
	"# Get a list of all the interfaces a service provides and information\n"
	"# about the implementation.\n"
	"method GetInfo() -> (\n"
	"  vendor: string,\n"
	"  product: string,\n"
	"  version: string,\n"
	"  url: string,\n"
	"  interfaces: []string\n"
	")\n"
	"\n"
	"# Get the description of an interface that is implemented by this service.\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"# The requested interface was not found.\n"
	"error InterfaceNotFound (interface: string)\n"
	"\n"
	"# The requested method was not found\n"
	"error MethodNotFound (method: string)\n"
	"\n"
	"# The interface defines the requested method, but the service does not\n"
	"# implement it.\n"
	"error MethodNotImplemented (method: string)\n"
	"\n"
	"# One of the passed parameters is invalid.\n"
	"error InvalidParameter (parameter: string)\n"
	"\n"
	"# Client is denied access\n"
	"error PermissionDenied ()\n"
	"\n"
	"# Method is expected to be called with 'more' set to true, but wasn't\n"
	"error ExpectedMore ()\n"
	"\n"
	"# Method is expected to be called with 'upgrade' set to true, but wasn't\n"
	"error ExpectedUpgrade ()\n";

static const char builtin_postern_text[] =
	"# What a service that is built with Postern may answer to any call by itself.\n"
	"interface io.postern\n"
	"\n"
	"# The service gave the call up without an answer. It may have done a part of it.\n"
	"error Abandoned ()\n"
	"\n"
	"# The service is ending, and did not begin with the call: try again, its successor may be there.\n"
	"error Draining ()\n"
	"\n"
	"# The service has no room, and did not begin with the call: try again, and not before this time has passed.\n"
	"error Busy (retryAfterMs: int)\n"
	"\n"
	"# The caller took the answers of a stream too slowly. So many were dropped, and these were the last.\n"
	"error Overflow (dropped: int)\n"
	"\n"
	"# The service has ended a stream of answers, and there was no last one.\n"
	"error TopicEnded ()\n"
	"\n"
	"# A service of `postern serve --interface` started a command for the call, which failed with this status, or did not\n"
	"# print what the method answers.\n"
	"error CommandFailed (status: int, message: string)\n";

/* ---- org.varlink.service ---- */

/* The input of GetInterfaceDescription. */
struct builtin_description_in {
	const char *interface;
};

static const struct postern_type builtin_string = {
	.kind = POSTERN_TYPE_STRING,
	.size = sizeof(const char *),
};
static const struct postern_field builtin_description_fields[] = {
	{ "interface", &builtin_string, offsetof(struct builtin_description_in, interface), 0 },
};
static const struct postern_type builtin_description_in = {
	.kind = POSTERN_TYPE_STRUCT,
	.size = sizeof(struct builtin_description_in),
	.n = 1,
	.fields = builtin_description_fields,
};

/* Written from what the service has: an array for the tables would have to be allocated. */
static int builtin_write_info(struct postern_json_writer *w, const struct answer *a,
			      struct shape_fault *ret_fault)
{
	static const char *const names[] = { "vendor", "product", "version", "url" };
	const struct postern_service *s = a->value;

	(void)ret_fault;
	postern_json_write_object(w);
	for (int i = 0; i < 4; i++) {
		postern_json_write_name(w, names[i]);
		postern_json_write_text(w, s->texts[i]);
	}
	postern_json_write_name(w, "interfaces");
	postern_json_write_array(w);
	for (const struct list *l = s->provided.next; l != &s->provided; l = l->next)
		postern_json_write_text(w, container_of(l, struct provided, node)->interface->name);
	postern_json_write_end(w);
	postern_json_write_end(w);
	return 0;
}

static void builtin_get_info(struct postern_request *r, struct postern_service *s)
{
	struct answer a = { .write = builtin_write_info, .value = s };

	request_answer(r, &a);
}

static void builtin_get_description(struct postern_request *r,
				    const struct builtin_description_in *in,
				    struct postern_service *s)
{
	const struct provided *p = service_find(s, in->interface, strlen(in->interface));
	struct answer a = { .error = p ? NULL : ERROR_INTERFACE_NOT_FOUND };

	if (p)
		answer_one(&a, "description", p->interface->description);
	else
		answer_one(&a, "interface", in->interface);
	request_answer(r, &a);
}

/* ---- as it is generated, with the service as data ---- */

const struct postern_type builtin_nothing = { .kind = POSTERN_TYPE_STRUCT };

struct builtin_methods {
	struct builtin_method GetInfo;
	void (*GetInterfaceDescription)(struct postern_request *r,
					const struct builtin_description_in *in,
					struct postern_service *s);
};

const struct builtin_methods builtin_methods = {
	.GetInfo = { builtin_get_info },
	.GetInterfaceDescription = builtin_get_description,
};

void builtin_handle(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	(void)in;
	((const struct builtin_method *)handlers)->run(r, data);
}

static void builtin_handle_description(const void *handlers, struct postern_request *r,
				       const void *in, void *data)
{
	((const struct builtin_methods *)handlers)->GetInterfaceDescription(r, in, data);
}

static const struct postern_method builtin_info_method = {
	.name = "org.varlink.service.GetInfo",
	.in = &builtin_nothing,
	.handler = offsetof(struct builtin_methods, GetInfo),
	.handle = builtin_handle,
};
static const struct postern_method builtin_description_method = {
	.name = "org.varlink.service.GetInterfaceDescription",
	.in = &builtin_description_in,
	.handler = offsetof(struct builtin_methods, GetInterfaceDescription),
	.handle = builtin_handle_description,
};
static const struct postern_method *const builtin_table[] = { &builtin_info_method,
							      &builtin_description_method };

const struct postern_interface builtin_service = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = sizeof(builtin_table) / sizeof(*builtin_table),
	.name = "org.varlink.service",
	.description = builtin_service_text,
	.methods = builtin_table,
};

const struct postern_interface builtin_postern = {
	.version = POSTERN_INTERFACE_VERSION,
	.name = "io.postern",
	.description = builtin_postern_text,
};
