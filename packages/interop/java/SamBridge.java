import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import net.i2p.I2PException;
import net.i2p.client.I2PClientFactory;
import net.i2p.client.I2PSessionException;
import net.i2p.client.streaming.I2PServerSocket;
import net.i2p.client.streaming.I2PSocket;
import net.i2p.client.streaming.I2PSocketManager;
import net.i2p.client.streaming.I2PSocketManagerFactory;
import net.i2p.crypto.SigType;
import net.i2p.data.Base64;
import net.i2p.data.Destination;

/**
 * As much of a SAM 3.1 bridge as the suites use, over Java I2P's own streams: HELLO VERSION, SESSION CREATE for streams,
 * NAMING LOOKUP, STREAM CONNECT and STREAM ACCEPT. Java I2P has a bridge of its own, which is not published as a library.
 *
 * Arguments: the router's I2CP port and the port to listen on, both on 127.0.0.1.
 */
public final class SamBridge {
    private record Session(I2PSocketManager manager, I2PServerSocket server) {}

    private final int i2cpPort;
    private final Map<String, Session> sessions = new ConcurrentHashMap<>();

    private SamBridge(int i2cpPort) {
        this.i2cpPort = i2cpPort;
    }

    public static void main(String[] args) throws IOException {
        SamBridge bridge = new SamBridge(Integer.parseInt(args[0]));
        try (ServerSocket server = new ServerSocket(Integer.parseInt(args[1]), 256, InetAddress.getLoopbackAddress())) {
            while (true) {
                Socket client = server.accept();
                start(() -> bridge.serve(client));
            }
        }
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }

    /** One connection: commands, until one of them makes it a stream, or it ends, and its session with it. */
    private void serve(Socket client) {
        Session owned = null;
        String id = null;
        try (client) {
            client.setTcpNoDelay(true);
            // A client that does not read makes the stream wait, not the kernel's buffers grow.
            client.setSendBufferSize(64 * 1024);
            InputStream in = client.getInputStream();
            OutputStream out = client.getOutputStream();
            for (String line = readLine(in); line != null; line = readLine(in)) {
                String[] words = line.trim().split(" ");
                Map<String, String> pairs = new TreeMap<>();
                for (int i = 2; i < words.length; i++) {
                    int equals = words[i].indexOf('=');
                    if (equals > 0) pairs.put(words[i].substring(0, equals), words[i].substring(equals + 1));
                }
                try {
                    switch (words[0] + " " + (words.length > 1 ? words[1] : "")) {
                        case "HELLO VERSION" -> answer(out, "HELLO REPLY RESULT=OK VERSION=3.1");
                        case "SESSION CREATE" -> {
                            byte[] keys = keys(pairs);
                            owned = create(keys, pairs);
                            id = pairs.get("ID");
                            sessions.put(id, owned);
                            answer(out, "SESSION STATUS RESULT=OK DESTINATION=" + Base64.encode(keys));
                        }
                        case "NAMING LOOKUP" -> {
                            String name = pairs.get("NAME");
                            I2PSocketManager manager = owned.manager();
                            Destination found = name.equals("ME")
                                ? manager.getSession().getMyDestination()
                                : manager.getSession().lookupDest(name);
                            answer(out, found == null
                                ? "NAMING REPLY RESULT=KEY_NOT_FOUND NAME=" + name
                                : "NAMING REPLY RESULT=OK NAME=" + name + " VALUE=" + found.toBase64());
                        }
                        case "STREAM CONNECT" -> {
                            I2PSocket stream = connect(pairs);
                            answer(out, "STREAM STATUS RESULT=OK");
                            join(client, stream);
                            return;
                        }
                        case "STREAM ACCEPT" -> {
                            Session session = sessions.get(pairs.get("ID"));
                            answer(out, "STREAM STATUS RESULT=OK");
                            I2PSocket stream = session.server().accept();
                            answer(out, stream.getPeerDestination().toBase64());
                            join(client, stream);
                            return;
                        }
                        default -> answer(out, words[0] + " STATUS RESULT=I2P_ERROR MESSAGE=\"no such command\"");
                    }
                } catch (Exception e) {
                    answer(out, words[0] + " STATUS RESULT=" + result(e) + " MESSAGE=\"" + e + "\"");
                }
            }
        } catch (IOException e) {
            // The test is done with this connection.
        } finally {
            if (owned != null) {
                // Another may have taken its place.
                sessions.remove(id, owned);
                owned.manager().destroySocketManager();
            }
        }
    }

    private static String result(Exception e) {
        return e instanceof java.net.NoRouteToHostException || e instanceof java.net.ConnectException
            ? "CANT_REACH_PEER"
            : "I2P_ERROR";
    }

    private static byte[] keys(Map<String, String> pairs) throws I2PException, IOException {
        String given = pairs.get("DESTINATION");
        if (!given.equals("TRANSIENT")) return Base64.decode(given);
        ByteArrayOutputStream made = new ByteArrayOutputStream();
        SigType type = SigType.getByCode(Integer.parseInt(pairs.getOrDefault("SIGNATURE_TYPE", "7")));
        I2PClientFactory.createClient().createDestination(made, type);
        return made.toByteArray();
    }

    private Session create(byte[] keys, Map<String, String> pairs) throws I2PSessionException {
        Properties options = new Properties();
        options.putAll(pairs);
        I2PSocketManager manager = I2PSocketManagerFactory.createDisconnectedManager(
            new ByteArrayInputStream(keys), "127.0.0.1", i2cpPort, options);
        // Returns when the lease set has been given to the router.
        manager.getSession().connect();
        return new Session(manager, manager.getServerSocket());
    }

    private I2PSocket connect(Map<String, String> pairs) throws Exception {
        I2PSocketManager manager = sessions.get(pairs.get("ID")).manager();
        String to = pairs.get("DESTINATION");
        Destination destination = to.endsWith(".i2p") ? manager.getSession().lookupDest(to, 10_000) : new Destination(to);
        if (destination == null) throw new java.net.NoRouteToHostException("not found: " + to);
        return manager.connect(destination);
    }

    /** Both directions, each with an end of its own, until both have ended or one has broken. */
    private static void join(Socket client, I2PSocket stream) throws IOException {
        InputStream in = stream.getInputStream();
        OutputStream out = stream.getOutputStream();
        Thread reader = new Thread(() -> {
            try {
                in.transferTo(client.getOutputStream());
                client.shutdownOutput();
            } catch (IOException e) {
                close(client);
            }
        });
        reader.setDaemon(true);
        reader.start();
        try {
            byte[] buffer = new byte[64 * 1024];
            InputStream from = client.getInputStream();
            for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
                out.write(buffer, 0, read);
                // What is there goes out: a line need not wait for more.
                if (from.available() == 0) out.flush();
            }
            out.close();
            reader.join();
        } catch (IOException e) {
            stream.reset();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            stream.close();
        }
    }

    private static void close(Socket client) {
        try {
            client.close();
        } catch (IOException e) {
            // It is closed.
        }
    }

    private static void answer(OutputStream out, String line) throws IOException {
        out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }

    /** Byte by byte: what follows the line belongs to the stream. */
    private static String readLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0; c = in.read()) {
            if (c == '\n') return line.toString();
            line.append((char) c);
        }
        return null;
    }
}
