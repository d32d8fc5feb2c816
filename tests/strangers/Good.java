// A TCP chat server. No mistake: it must not be blamed for any.
import java.io.*;
import java.net.*;
import java.util.*;

public class Good {
    static final List<Socket> clients = new ArrayList<>();

    static synchronized void broadcast(byte[] line, Socket from) {
        for (Socket client : clients) {
            if (client == from) continue;
            try {
                client.getOutputStream().write(line);
            } catch (IOException e) {
                // It has left, and its own thread takes it off the list.
            }
        }
    }

    static synchronized void add(Socket client) {
        clients.add(client);
    }

    static synchronized void remove(Socket client) {
        clients.remove(client);
    }

    /** Sends on line by line, as bytes. */
    static void relay(InputStream from, String prefix, Socket client) throws IOException {
        InputStream in = new BufferedInputStream(from);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b; (b = in.read()) >= 0; ) {
            if (line.size() == 0) line.writeBytes(prefix.getBytes());
            line.write(b);
            if (b != '\n') continue;
            broadcast(line.toByteArray(), client);
            line.reset();
        }
    }

    static void serve(Socket client) {
        String prefix = "[" + client.getInetAddress().getHostAddress() + ":" + client.getPort() + "]: ";
        try (client) {
            client.setTcpNoDelay(true);
            add(client);
            relay(client.getInputStream(), prefix, client);
        } catch (IOException e) {
            System.out.println(prefix + e.getMessage());
        }
        remove(client);
    }

    static void console() {
        try {
            relay(System.in, "[Server]: ", null);
        } catch (IOException e) {
            System.out.println("the console has ended");
        }
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        ServerSocket server = null;
        try {
            server = new ServerSocket(port, 500, InetAddress.getLoopbackAddress());
        } catch (BindException e) {
            System.err.println("cannot listen on 127.0.0.1:" + port + ": " + e.getMessage());
            System.exit(1);
        }
        Thread keyboard = new Thread(Good::console);
        keyboard.setDaemon(true);
        keyboard.start();
        while (true) {
            Socket client = server.accept();
            new Thread(() -> serve(client)).start();
        }
    }
}
