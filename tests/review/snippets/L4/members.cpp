#include <QLocalSocket>

class Link : public QObject
{
public:
    Link() : m_socket(new QLocalSocket) { }
    ~Link() override
    {
        drop();
        delete m_socket; // L4
    }

private:
    void drop()
    {
        m_socket->abort();
        delete m_socket;
    }
    QLocalSocket *m_socket;
};

class Careful : public QObject
{
public:
    Careful() : m_socket(new QLocalSocket) { }
    ~Careful() override
    {
        drop();
        delete m_socket;
    }

private:
    void drop()
    {
        delete m_socket;
        m_socket = nullptr;
    }
    QLocalSocket *m_socket;
};
