// An array of pointers is no object.
#include <QTcpSocket>

class Players {
public:
	void open(int n);
	~Players();

private:
	QTcpSocket **sockets = nullptr;
};

void Players::open(int n)
{
	sockets = new QTcpSocket*[2];
	for (int i = 0; i < n; i++)
		sockets[i] = nullptr;
}

Players::~Players()
{
	delete[] sockets;
}
