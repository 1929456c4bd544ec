#include <QLocalServer>
#include <QLocalSocket>
#include <QThread>
#include <memory>

class Worker : public QThread
{
protected:
    void run() override;
};

void Worker::run()
{
    auto server = std::make_unique<QLocalServer>();
    QScopedPointer<QLocalSocket> socket(new QLocalSocket);
    QLocalServer second;

    if (!server->listen("a") || !second.listen("b"))
        return;
    exec();
}

class Panel : public QObject
{
public:
    Panel() : m_socket(new QLocalSocket(this)), m_server(new QLocalServer) { }
    ~Panel() { delete m_server; }

private:
    QLocalSocket *m_socket;
    QLocalServer *m_server;
};
