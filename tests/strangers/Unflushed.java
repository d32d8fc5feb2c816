// A TCP chat client. Its mistake: what is typed stays in a buffer that nobody flushes.
import java.io.*;
import java.net.Socket;

public class Unflushed {
    public static void main(String[] args) throws Exception {
        Socket conn = new Socket(args[0], Integer.parseInt(args[1]));
        Thread listener = new Thread(() -> {
            try (InputStream in = conn.getInputStream()) {
                in.transferTo(System.out);
            } catch (IOException e) {
                // told below
            }
            System.err.println("the server has left");
            System.exit(1);
        });
        listener.setDaemon(true);
        listener.start();
        BufferedReader keyboard = new BufferedReader(new InputStreamReader(System.in));
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(conn.getOutputStream()));
        for (String line; (line = keyboard.readLine()) != null; ) out.write(line + "\n");
        conn.close();
    }
}
