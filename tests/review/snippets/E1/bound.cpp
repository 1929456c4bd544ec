#include <functional>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace std;
using namespace std::placeholders;

static int sum(int a, int b)
{
	return a + b;
}

struct counter {
	int add(int n);
};

void good_functions(counter *c)
{
	auto with_two = bind(sum, _1, 2);
	auto of_object = bind(&counter::add, c, _1);
	auto of_lambda = bind([](int a, int b) { return a * b; }, _1, 3);
	auto by_its_name = std::bind(sum, placeholders::_2, placeholders::_1);

	with_two(1);
	of_object(2);
	of_lambda(3);
	by_its_name(1, 2);
}

void of_the_system(int fd, const sockaddr_in &address)
{
	bind(fd, (const sockaddr *)&address, sizeof(address)); // E1
	listen(fd, 5); // E1
}
