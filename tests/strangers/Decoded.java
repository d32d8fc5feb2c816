// A TCP chat server. Its mistake: lines are read and written as text.
import java.io.*;
import java.net.*;
import java.util.*;

public class Decoded {
    static final Set<PrintWriter> writers = new HashSet<>();

    public static void main(String[] args) throws IOException {
        ServerSocket server = new ServerSocket(Integer.parseInt(args[0]));
        System.out.println("The chat server is running...");
        while (true) new Handler(server.accept()).start();
    }

    static class Handler extends Thread {
        private final Socket socket;

        Handler(Socket socket) {
            this.socket = socket;
        }

        public void run() {
            PrintWriter out = null;
            try {
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), "UTF-8"));
                out = new PrintWriter(new OutputStreamWriter(socket.getOutputStream(), "UTF-8"), true);
                synchronized (writers) {
                    writers.add(out);
                }
                String name = socket.getInetAddress().getHostAddress() + ":" + socket.getPort();
                String line;
                while ((line = in.readLine()) != null) {
                    synchronized (writers) {
                        for (PrintWriter writer : writers) if (writer != out) writer.println("[" + name + "]: " + line);
                    }
                }
            } catch (IOException e) {
                System.out.println(e);
            }
            synchronized (writers) {
                writers.remove(out);
            }
            try {
                socket.close();
            } catch (IOException e) {
            }
        }
    }
}
