// SPDX-License-Identifier: Apache-2.0
// defects:
// L2 the server made in run() is deleted at its end only, and two returns come before
// L3 the accepted socket is never closed or deleted, nor told to delete itself
// W1 the sender retries until the server is there, without a limit
// E5 what waitForConnected() says is thrown away
// L2 the sender's socket is deleted on the good way only
#include <QApplication>
#include <QDebug>
#include <QLabel>
#include <QLineEdit>
#include <QLocalServer>
#include <QLocalSocket>
#include <QPushButton>
#include <QThread>
#include <QVBoxLayout>

static const char *SERVER_NAME = "noteboard";

class ListenThread : public QThread
{
    Q_OBJECT
public:
    explicit ListenThread(QObject *parent = 0) : QThread(parent), stopping(false) {}

    void stop()
    {
        stopping = true;
    }

signals:
    void noteArrived(const QString &text);
    void status(const QString &text);

protected:
    void run() override
    {
        QLocalServer *server = new QLocalServer; // @L2
        if (!server->listen(SERVER_NAME)) {
            emit status(server->errorString());
            return;
        }
        emit status("listening");

        while (!stopping) {
            bool timedOut = false;
            if (!server->waitForNewConnection(1000, &timedOut)) {
                if (timedOut)
                    continue;
                emit status(server->errorString());
                return;
            }
            QLocalSocket *peer = server->nextPendingConnection(); // @L3
            if (!peer)
                continue;
            readNote(peer);
        }

        server->close();
        delete server;
    }

private:
    void readNote(QLocalSocket *peer)
    {
        QByteArray text;
        while (text.size() < 4096 && !text.contains('\n')) {
            if (peer->bytesAvailable() == 0 && !peer->waitForReadyRead(2000)) {
                emit status("note cut short");
                return;
            }
            text += peer->read(4096 - text.size());
        }
        const int end = text.indexOf('\n');
        if (end > 0)
            emit noteArrived(QString::fromUtf8(text.left(end)));
    }

    volatile bool stopping;
};

class Board : public QWidget
{
    Q_OBJECT
public:
    Board()
    {
        list = new QLabel(this);
        input = new QLineEdit(this);
        QPushButton *button = new QPushButton("Send", this);
        QVBoxLayout *layout = new QVBoxLayout(this);
        layout->addWidget(list);
        layout->addWidget(input);
        layout->addWidget(button);
        connect(button, SIGNAL(clicked()), this, SLOT(sendNote()));

        thread = new ListenThread(this);
        connect(thread, SIGNAL(noteArrived(QString)), this, SLOT(showNote(QString)));
        connect(thread, SIGNAL(status(QString)), this, SLOT(setWindowTitleFrom(QString)));
        thread->start();
    }

    ~Board()
    {
        thread->stop();
        if (!thread->wait(5000))
            thread->terminate();
    }

private slots:
    void sendNote()
    {
        QLocalSocket *socket = new QLocalSocket; // @L2
        while (socket->state() != QLocalSocket::ConnectedState) { // @W1 @E5?
            socket->connectToServer(SERVER_NAME); // @E5?
            socket->waitForConnected(250); // @E5
        }

        QByteArray note = input->text().left(1000).toUtf8() + '\n';
        if (socket->write(note) != note.size()) {
            qWarning() << "note not sent:" << socket->errorString();
            return;
        }
        if (!socket->waitForBytesWritten(2000)) {
            qWarning() << "note not sent:" << socket->errorString();
            return;
        }
        socket->disconnectFromServer();
        delete socket;
        input->clear();
    }

    void showNote(const QString &text)
    {
        list->setText(list->text() + text + '\n');
    }

    void setWindowTitleFrom(const QString &text)
    {
        setWindowTitle("Notes - " + text);
    }

private:
    QLabel *list;
    QLineEdit *input;
    ListenThread *thread;
};

int main(int argc, char **argv)
{
    QApplication app(argc, argv);
    Board board;
    board.resize(320, 480);
    board.show();
    return app.exec();
}

#include "qt-server-thread-raw.moc"
