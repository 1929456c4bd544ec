// A range that is erased was ended in a loop before; what an iterator is at may be any of them.
#include <list>
#include <sys/socket.h>
#include <unistd.h>

class Hall {
public:
	bool enter();
	void leave();

private:
	int door;
	std::list<int> guests;
};

bool Hall::enter()
{
	int guest = accept(door, nullptr, nullptr);

	if (guest < 0)
		return false;
	guests.push_back(guest);
	return true;
}

void Hall::leave()
{
	for (std::list<int>::iterator at = guests.begin(); at != guests.end(); ++at)
		close((*at));
	guests.erase(guests.begin(), guests.end());
}
