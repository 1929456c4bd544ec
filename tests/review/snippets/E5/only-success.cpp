// The good outcome is handled, the other one is not.
#include <QLocalSocket>
#include <QTcpSocket>

class Phone : public QObject {
    Q_OBJECT
public:
    explicit Phone(const QString &at) : m_line(new QLocalSocket(this))
    {
        connect(m_line, &QLocalSocket::connected, this, &Phone::greet);
        connect(m_line, &QLocalSocket::disconnected, this, &Phone::hangUp);
        m_line->connectToServer(at); // E5
    }

private slots:
    void greet() { m_line->write("hello\n"); }
    void hangUp() { deleteLater(); }

private:
    QLocalSocket *m_line;
};

class Fax : public QObject {
    Q_OBJECT
public:
    void send(const QString &host)
    {
        connect(&m_wire, SIGNAL(connected()), this, SLOT(page()));
        m_wire.connectToHost(host, 4000); // E5
    }

private slots:
    void page() { m_wire.write("page\n"); }

private:
    QTcpSocket m_wire;
};

class Careful : public QObject {
    Q_OBJECT
public:
    explicit Careful(const QString &at) : m_cord(new QLocalSocket(this))
    {
        connect(m_cord, &QLocalSocket::connected, this, &Careful::greet);
        connect(m_cord, &QLocalSocket::errorOccurred, this, &Careful::tell);
        m_cord->connectToServer(at);
    }

private slots:
    void greet() { m_cord->write("hello\n"); }
    void tell() { deleteLater(); }

private:
    QLocalSocket *m_cord;
};

class Watchful : public QObject {
    Q_OBJECT
public:
    void send(const QString &host)
    {
        connect(&m_link, &QTcpSocket::connected, this, &Watchful::page);
        connect(&m_link, &QTcpSocket::stateChanged, this, &Watchful::look);
        m_link.connectToHost(host, 4000);
    }

private slots:
    void page() { m_link.write("page\n"); }
    void look() { m_link.abort(); }

private:
    QTcpSocket m_link;
};

class Patient : public QObject {
    Q_OBJECT
public:
    explicit Patient(const QString &at) : m_thread(new QLocalSocket(this))
    {
        connect(m_thread, &QLocalSocket::connected, this, &Patient::greet);
        m_thread->connectToServer(at);
        startTimer(3000);
    }

protected:
    void timerEvent(QTimerEvent *) override
    {
        if (m_thread->state() != QLocalSocket::ConnectedState)
            deleteLater();
    }

private slots:
    void greet() { m_thread->write("hello\n"); }

private:
    QLocalSocket *m_thread;
};
