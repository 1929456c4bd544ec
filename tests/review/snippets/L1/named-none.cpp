#include <sys/socket.h>
#include <unistd.h>

namespace gate {
#if defined(OTHER_SYSTEM)
typedef UINT_PTR handle;
enum : handle { no_handle = (handle)~0 };
#else
typedef int handle;
enum { no_handle = -1 };
#endif

struct Gate {
	static constexpr handle closed = -1;
	handle take(int from);
	handle lend(int from);
	handle lose(int from, bool late);
};

handle Gate::take(int from)
{
	handle h = ::accept(from, nullptr, nullptr);
	if (h == no_handle)
		return no_handle;
	return h;
}

handle Gate::lend(int from)
{
	handle h = take(from);
	return h == closed ? closed : h;
}

handle Gate::lose(int from, bool late)
{
	handle h = take(from);
	if (h == no_handle)
		return no_handle;
	if (late)
		return no_handle; // L1
	return h;
}
} // namespace gate
