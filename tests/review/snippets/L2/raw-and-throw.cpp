#include <QLocalServer>
#include <stdexcept>

void serve(const QString &name)
{
    QLocalServer *server = new QLocalServer; // L2

    if (!server->listen(name))
        throw std::runtime_error("listen");
    server->waitForNewConnection(1000);
    delete server;
}
