// A TCP chat server. Its mistake: it waits for whoever doesn't read, and holds the lock meanwhile.
import java.io.*;
import java.net.*;
import java.util.*;

public class Stalled {
    static final List<Socket> clients = new ArrayList<>();

    static void broadcast(byte[] line, Socket sender) {
        synchronized (clients) {
            for (Socket client : clients) {
                if (client == sender) continue;
                try {
                    client.getOutputStream().write(line);
                } catch (IOException e) {
                    // It has left, and its own thread takes it off the list.
                }
            }
        }
    }

    /** Sends on line by line, as bytes. */
    static void relay(InputStream from, String prefix, Socket sender) throws IOException {
        InputStream in = new BufferedInputStream(from);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b; (b = in.read()) >= 0; ) {
            if (line.size() == 0) line.writeBytes(prefix.getBytes());
            line.write(b);
            if (b != '\n') continue;
            broadcast(line.toByteArray(), sender);
            line.reset();
        }
    }

    static void serve(Socket client) {
        String prefix = "[" + client.getInetAddress().getHostAddress() + ":" + client.getPort() + "]: ";
        try (client) {
            client.setTcpNoDelay(true);
            synchronized (clients) {
                clients.add(client);
            }
            relay(client.getInputStream(), prefix, client);
        } catch (IOException e) {
            System.out.println(prefix + e.getMessage());
        }
        synchronized (clients) {
            clients.remove(client);
        }
    }

    static void console() {
        try {
            relay(System.in, "[Server]: ", null);
        } catch (IOException e) {
            System.out.println("the console has ended");
        }
    }

    public static void main(String[] args) throws IOException {
        ServerSocket server = null;
        try {
            server = new ServerSocket(Integer.parseInt(args[0]), 500, InetAddress.getLoopbackAddress());
        } catch (BindException e) {
            System.err.println("cannot listen on 127.0.0.1:" + args[0] + ": " + e.getMessage());
            System.exit(1);
        }
        Thread keyboard = new Thread(Stalled::console, "keyboard");
        keyboard.setDaemon(true);
        keyboard.start();
        while (true) {
            Socket client = server.accept();
            new Thread(() -> serve(client)).start();
        }
    }
}
