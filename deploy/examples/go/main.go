// Makes a movie, follows it to its end through restarts of the server, and shows what an error says.
//
//	REELMILL_SERVER=127.0.0.1:50051 REELMILL_TOKEN_FILE=.reelmill/auth/token movie demo order-4711 "A lighthouse keeper .."
//
// The second argument is the request id: sent twice, it makes one movie.
package main

import (
	"context"
	"fmt"
	"io"
	"io/ioutil"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	reelmill "reelmill.example/gen/reelmill/v1"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: movie PROJECT REQUEST_ID THEME")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", explain(err))
		os.Exit(1)
	}
}

func run(project, requestID, theme string) error {
	connection, err := dial(os.Getenv("REELMILL_SERVER"))
	if err != nil {
		return err
	}
	defer connection.Close()
	movies := reelmill.NewMovieServiceClient(connection)

	movie, err := create(movies, &reelmill.CreateMovieRequest{
		Parent:    "projects/" + project,
		RequestId: requestID,
		Movie: &reelmill.Movie{
			Theme: theme,
			Shape: &reelmill.ScriptShape{Chapters: 1, Scenes: 1, Frames: 2},
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(movie.Name)
	movie, err = watch(movies, movie.Name)
	if err != nil {
		return err
	}
	if movie.State != reelmill.Movie_STATE_SUCCEEDED {
		return fmt.Errorf("%s: %s", movie.Failure.GetReason(), movie.Failure.GetMessage())
	}
	fmt.Println(movie.ArtefactsUri)
	return nil
}

// create waits for the server, but not for ever. A request id makes the same call harmless when it comes twice.
func create(movies reelmill.MovieServiceClient, request *reelmill.CreateMovieRequest) (*reelmill.Movie, error) {
	deadline, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := movies.CreateMovie(deadline, request, grpc.WaitForReady(true))
	return answer.GetMovie(), err
}

// watch prints every change until the movie has ended. Where the stream breaks, it goes on from the last revision.
func watch(movies reelmill.MovieServiceClient, name string) (*reelmill.Movie, error) {
	last := &reelmill.Movie{}
	heard := time.Now()
	for {
		request := &reelmill.WatchMovieRequest{Name: name, FromRevision: last.Revision}
		stream, err := movies.WatchMovie(context.Background(), request)
		for err == nil {
			var answer *reelmill.WatchMovieResponse
			if answer, err = stream.Recv(); err != nil {
				break
			}
			last, heard = answer.Movie, time.Now()
			fmt.Printf("revision %d: %s\n", last.Revision, last.State)
			if ended(last.State) {
				return last, nil
			}
		}
		away := err == io.EOF || status.Code(err) == codes.Unavailable
		if !away || time.Since(heard) > 2*time.Minute {
			return nil, err
		}
		time.Sleep(time.Second)
	}
}

func ended(state reelmill.Movie_State) bool {
	return state == reelmill.Movie_STATE_SUCCEEDED || state == reelmill.Movie_STATE_FAILED ||
		state == reelmill.Movie_STATE_CANCELLED
}

// explain says the reason of Reelmill's catalogue, the message, and the details for programs.
func explain(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "reelmill" {
			return fmt.Sprintf("%s: %s %v", info.Reason, status.Convert(err).Message(), info.Metadata)
		}
	}
	return err.Error()
}

func dial(address string) (*grpc.ClientConn, error) {
	security := grpc.WithInsecure()
	if ca := os.Getenv("REELMILL_TLS_CA"); ca != "" {
		certificates, err := credentials.NewClientTLSFromFile(ca, "")
		if err != nil {
			return nil, err
		}
		security = grpc.WithTransportCredentials(certificates)
	}
	return grpc.Dial(address, security, grpc.WithPerRPCCredentials(token(os.Getenv("REELMILL_TOKEN_FILE"))))
}

// token is the file of a bearer token. It is read at every call, so that it may be renewed.
type token string

func (file token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	content, err := ioutil.ReadFile(string(file))
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(string(content))}, err
}

// RequireTransportSecurity would refuse the plain text of the stack on one machine.
func (token) RequireTransportSecurity() bool { return false }
